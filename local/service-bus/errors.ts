/**
 * An error a client is told about: an AMQP error condition (what `@azure/service-bus` maps to its error codes) and the
 * HTTP-like status of a `$cbs` or `$management` reply.
 */
export class ServiceBusError extends Error {
  override readonly name = "ServiceBusError";
  readonly condition: string;
  readonly status: number;

  constructor(condition: string, message: string, status: number) {
    super(message);
    this.condition = condition;
    this.status = status;
  }
}

/** The SDK recognises a missing queue by this sentence, not by the condition (core-amqp, `translate`). */
export const entityNotFound = (path: string) =>
  new ServiceBusError(
    "amqp:not-found",
    `The messaging entity 'sb://localhost/${path}' could not be found.`,
    404,
  );

export const unauthorized = (reason: string) =>
  new ServiceBusError("amqp:unauthorized-access", reason, 401);

export const missingClaim = (right: string, path: string) =>
  unauthorized(
    `Unauthorized access. '${right}' claim(s) are required to perform this operation. Resource: 'sb://localhost/${path}'.`,
  );

export const lockLost = () =>
  new ServiceBusError(
    "com.microsoft:message-lock-lost",
    "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
    410,
  );

export const messageNotFound = (sequenceNumber: number, wanted: string) =>
  new ServiceBusError(
    "com.microsoft:message-not-found",
    `There is no ${wanted} message with sequence number ${sequenceNumber}.`,
    404,
  );

export const notAllowed = (reason: string) => new ServiceBusError("amqp:not-allowed", reason, 400);

export const messageTooLarge = (size: number, limit: number) =>
  new ServiceBusError(
    "amqp:link:message-size-exceeded",
    `The received message (size: ${size} bytes) exceeds the limit (${limit} bytes) currently allowed on the link.`,
    400,
  );

export const queueFull = (name: string) =>
  new ServiceBusError(
    "amqp:resource-limit-exceeded",
    `The maximum entity size has been reached or exceeded for Queue: '${name}'.`,
    403,
  );

export const notImplemented = (what: string) =>
  new ServiceBusError("amqp:not-implemented", `${what} is not supported.`, 501);

/** Sub codes as in MS docs: service-bus-resource-manager-exceptions; the SDK tells 40900 from a conflict that passes (40901). */
export const alreadyExists = (name: string) =>
  new ServiceBusError("amqp:conflict", `SubCode=40900. Conflict. The queue '${name}' exists.`, 409);

export const badArgument = (reason: string) =>
  new ServiceBusError("com.microsoft:argument-error", reason, 400);

/** The given error if it is meant for clients, else a general one with the cause kept out of the answer. */
export function toServiceBusError(error: unknown): ServiceBusError {
  if (error instanceof ServiceBusError) return error;
  return new ServiceBusError("amqp:internal-error", "The broker could not handle this.", 500);
}

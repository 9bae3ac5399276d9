// The parts of rhea 3.0.5 that the broker uses, some of them internal. The package is installed under an alias so that
// the changes in rhea.ts do not touch the copy that the Service Bus SDK uses in the same process.

declare module "rhea-server" {
  import type { EventEmitter } from "node:events";
  import type { Connection } from "rhea-server/lib/connection.js";

  /** An AMQP value with its type. */
  export interface Typed {
    readonly value: unknown;
  }

  /** A composite outcome as it came from the client: `value` holds its encoded fields in order. */
  export interface Outcome {
    readonly value: readonly (Typed | undefined)[];
    readonly undeliverable_here?: boolean;
  }

  export interface Delivery {
    readonly tag: Buffer;
    readonly remote_state: Outcome;
    remote_settled: boolean;
    settled: boolean;
    update(settled: boolean, state: Typed): void;
  }

  export interface Session {
    readonly links: Readonly<Record<string, Link>>;
    readonly outgoing: { available(): number };
  }

  export interface Terminus {
    readonly address?: string;
    readonly filter?: Readonly<Record<string, unknown>> | undefined;
  }

  export interface Attach {
    source?: Terminus | undefined;
    target?: Terminus | undefined;
    snd_settle_mode?: number;
    rcv_settle_mode?: number;
    max_message_size?: number;
  }

  export interface AmqpError {
    condition: string;
    description: string;
  }

  interface LinkBase extends EventEmitter {
    readonly name: string;
    readonly session: Session;
    readonly connection: Connection;
    readonly local: { readonly attach: Attach };
    readonly remote: { readonly attach: Attach };
    readonly credit: number;
    is_open(): boolean;
    set_source(fields: Terminus): void;
    set_target(fields: Terminus): void;
    close(error?: AmqpError): void;
  }

  /** The broker's end of a link on which the client receives. */
  export interface Sender extends LinkBase {
    credit: number;
    delivery_count: number;
    issue_flow: boolean;
    /** Whether the flow frame that is written next says `drain`. */
    _get_drain(): boolean;
    send(bytes: Buffer, tag: Buffer, format: number): Delivery;
    send(message: object): Delivery;
  }

  /** The broker's end of a link on which the client sends. */
  export interface Receiver extends LinkBase {
    add_credit(count: number): void;
  }

  export type Link = Sender | Receiver;

  export interface EventContext {
    readonly connection: Connection;
    readonly session: Session;
    readonly sender: Sender;
    readonly receiver: Receiver;
    readonly delivery: Delivery;
    /** Raw bytes for every message format: see rhea.ts. */
    readonly message: Buffer;
    readonly format?: number;
  }

  export interface DecodedMessage {
    readonly message_id?: unknown;
    readonly reply_to?: string;
    readonly application_properties?: Readonly<Record<string, unknown>>;
    readonly body?: unknown;
  }

  export interface Container extends EventEmitter {
    readonly sasl_server_mechanisms: Record<string, unknown> & { enable_anonymous(): void };
  }

  const rhea: {
    create_container(options: { id: string }): Container;
    message: {
      decode(bytes: Buffer): DecodedMessage;
      accepted(): { described(): Typed };
      rejected(fields: { error: AmqpError }): { described(): Typed };
    };
    types: {
      Writer: new () => { write(value: Typed): void; toBuffer(): Buffer };
      wrap(value: unknown): Typed;
      wrap_int(value: number): Typed;
      wrap_symbol(value: string): Typed;
      wrap_uuid(value: Buffer): Typed;
      wrap_array(values: readonly number[], typeCode: number): Typed;
    };
  };
  export default rhea;
}

declare module "rhea-server/lib/connection.js" {
  import type { EventEmitter } from "node:events";
  import type { Duplex } from "node:stream";
  import type { AmqpError, Container, Link } from "rhea-server";

  export class Connection extends EventEmitter {
    constructor(options: Readonly<Record<string, unknown>>, container: Container);
    readonly socket: Duplex & { readonly bytesWritten: number };
    readonly container_id?: string;
    accept(socket: Duplex): this;
    input(bytes: Buffer): void;
    eof(): void;
    is_open(): boolean;
    close(error?: AmqpError): void;
    each_link(action: (link: Link) => void): void;
    _process(): void;
    _register(): void;
    _write_frame(): void;
  }
  export default Connection;
}

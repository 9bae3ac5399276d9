import { z } from "zod";

const jwkSchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  /** 32 bytes. */
  x: z.base64url().length(43),
});

/** An agent proves a token once and registers the public half of the key pair it made. */
export const enrolRequestSchema = z.object({
  token: z.string().min(1),
  name: z.string().min(1).max(255),
  group: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .default("default"),
  version: z.string().max(100),
  platform: z.string().max(255),
  publicKey: jwkSchema,
});
export type EnrolRequest = z.input<typeof enrolRequestSchema>;

export const enrolResponseSchema = z.object({ agentId: z.string() });

/** What an agent learns when it starts, and again before `queueExpires`. */
export const helloRequestSchema = z.object({
  version: z.string().max(100),
  slots: z.number().int().positive(),
});
export const helloResponseSchema = z.object({
  name: z.string(),
  group: z.string(),
  /** Service Bus connection string with a listen-only SAS for this one queue. */
  queueConnection: z.string(),
  queue: z.string(),
  queueExpires: z.iso.datetime(),
  heartbeatSeconds: z.number().positive(),
});
export type HelloResponse = z.infer<typeof helloResponseSchema>;

export const enrolmentTokenRequestSchema = z.object({
  uses: z.number().int().min(1).max(1000).default(1),
  validHours: z
    .number()
    .positive()
    .max(24 * 30)
    .default(24),
});
export const enrolmentTokenResponseSchema = z.object({
  token: z.string(),
  expires: z.iso.datetime(),
});

export const agentViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  group: z.string(),
  version: z.string(),
  platform: z.string(),
  slots: z.number().int(),
  state: z.enum(["Enabled", "InUse", "Disconnected"]),
  enrolledAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
});
export type AgentView = z.infer<typeof agentViewSchema>;

/**
 * How an agent signs: `Authorization: Longshore <JWT>`, EdDSA, `iss` the agent id, `aud` "longshore", `htm` the method, `htu`
 * the path, `bh` the base64url SHA-256 of the body, valid for at most a minute. A stolen request can do nothing else.
 */
export const AGENT_AUTH_SCHEME = "Longshore";
export const AGENT_TOKEN_AUDIENCE = "longshore";
export const AGENT_TOKEN_SECONDS = 60;

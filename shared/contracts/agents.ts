import { z } from "zod";

const jwkSchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  /** 32 bytes. */
  x: z.base64url().length(43),
});

/**
 * What agent and control plane say to each other is versioned as a whole. An agent names the protocol it speaks; one that
 * is not accepted shows as Incompatible and gets no work.
 */
export const AGENT_PROTOCOL = 1;
export const ACCEPTED_PROTOCOLS: readonly number[] = [1];

/** The end of its queue's name, which Service Bus wants to end in a letter or digit. */
export const agentGroupSchema = z
  .string()
  .regex(
    /^[a-z0-9-]{0,39}[a-z0-9]$/,
    "must be 1 to 40 lower-case letters, digits and hyphens, without a hyphen at the end",
  );

/** An agent proves a token once and registers the public half of the key pair it made. */
export const enrolRequestSchema = z.object({
  token: z.string().min(1),
  name: z.string().min(1).max(255),
  /** Left out: the group of the token, or "default". */
  group: agentGroupSchema.optional(),
  version: z.string().max(100),
  protocol: z.number().int().nonnegative().default(1),
  platform: z.string().max(255),
  publicKey: jwkSchema,
});
export type EnrolRequest = z.input<typeof enrolRequestSchema>;

export const enrolResponseSchema = z.object({ agentId: z.string() });

/** What an agent learns when it starts, and again before `queueExpires`. */
export const helloRequestSchema = z.object({
  version: z.string().max(100),
  protocol: z.number().int().nonnegative().default(1),
  slots: z.number().int().positive(),
  /** Folders the agent was configured to read; none means any. */
  sourceRoots: z.array(z.string().max(4_096)).max(100).default([]),
  /** The first word of a process: whatever the agent had in hand before is lost, and may go to others at once. */
  fresh: z.boolean().default(false),
});
export type HelloRequest = z.input<typeof helloRequestSchema>;
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
  /** How many agents may enrol with the token. */
  uses: z.number().int().min(1).max(1000).default(1),
  validHours: z
    .number()
    .positive()
    .max(24 * 30)
    .default(24),
  /** The only group an agent may join with the token; any group when left out. */
  group: agentGroupSchema.optional(),
});
export const enrolmentTokenResponseSchema = z.object({
  /** Shown this once. */
  token: z.string(),
  id: z.string(),
  expires: z.iso.datetime(),
});

export const enrolmentTokenViewSchema = z.object({
  id: z.string(),
  /** How many agents may still enrol with it. */
  uses: z.number().int(),
  expires: z.iso.datetime(),
  createdAt: z.iso.datetime().optional(),
  group: z.string().optional(),
});
export const enrolmentTokenListSchema = z.object({ tokens: z.array(enrolmentTokenViewSchema) });

export const AGENT_STATES = [
  "Enabled",
  "InUse",
  "Disabled",
  "Disconnected",
  "Incompatible",
] as const;

export const agentViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  group: z.string(),
  version: z.string(),
  platform: z.string(),
  /** Work items it takes at the same time, and how many it has in hand. */
  slots: z.number().int(),
  busy: z.number().int(),
  state: z.enum(AGENT_STATES),
  /** Why it takes no work, when it takes none. */
  reason: z.string().optional(),
  /** Folders it may read; none means whatever its account can read. Configured at the agent. */
  sourceRoots: z.array(z.string()),
  enrolledAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
});
export type AgentView = z.infer<typeof agentViewSchema>;
export const agentListSchema = z.object({ agents: z.array(agentViewSchema) });

export const agentPatchSchema = z.strictObject({
  name: z.string().trim().min(1).max(255).optional(),
  group: agentGroupSchema.optional(),
  /** False takes the agent out of work at once: what it has in hand goes to others. */
  enabled: z.boolean().optional(),
});

/** An agent group with what its agents can do now. */
export const agentGroupViewSchema = z.object({
  name: z.string(),
  agents: z.number().int(),
  /** Agents that can take work now, and their slots that are free. */
  active: z.number().int(),
  freeSlots: z.number().int(),
});
export const agentGroupListSchema = z.object({ groups: z.array(agentGroupViewSchema) });

/** Asks an agent to try whether it can read a source. It answers with its next heartbeat. */
export const sourceCheckRequestSchema = z.strictObject({ source: z.string().min(1).max(4_096) });
export const sourceCheckViewSchema = z.object({
  id: z.string(),
  agentId: z.string(),
  source: z.string(),
  state: z.enum(["Waiting", "Readable", "Refused"]),
  /** What the agent saw. */
  detail: z.string().optional(),
  askedAt: z.iso.datetime(),
  answeredAt: z.iso.datetime().optional(),
});
export type SourceCheckView = z.infer<typeof sourceCheckViewSchema>;

/** What an agent says of a check. */
export const sourceCheckAnswerSchema = z.object({ ok: z.boolean(), detail: z.string().max(2_000) });
export type SourceCheckAnswer = z.infer<typeof sourceCheckAnswerSchema>;

/**
 * How an agent signs: `Authorization: Longshore <JWT>`, EdDSA, `iss` the agent id, `aud` "longshore", `htm` the method, `htu`
 * the path, `bh` the base64url SHA-256 of the body, valid for at most a minute. A stolen request can do nothing else.
 */
export const AGENT_AUTH_SCHEME = "Longshore";
export const AGENT_TOKEN_AUDIENCE = "longshore";
export const AGENT_TOKEN_SECONDS = 60;

import type { TableClient } from "@azure/data-tables";
import {
  type AgentRecord,
  agentRecordSchema,
  type EnrolmentTokenRecord,
  enrolmentTokenRecordSchema,
} from "../domain/records.ts";
import { Documents } from "./documents.ts";

const AGENTS = "agents";
const TOKENS = "tokens";

/** Enrolled agents and the tokens that let further ones enrol. */
export class AgentStore {
  private readonly agents: Documents<AgentRecord>;
  private readonly tokens: Documents<EnrolmentTokenRecord>;

  constructor(table: TableClient) {
    this.agents = new Documents(table, agentRecordSchema);
    this.tokens = new Documents(table, enrolmentTokenRecordSchema);
  }

  async insert(agent: AgentRecord): Promise<void> {
    await this.agents.insert(AGENTS, agent.id, agent);
  }

  async find(id: string): Promise<AgentRecord | undefined> {
    return (await this.agents.get(AGENTS, id))?.value;
  }

  update(
    id: string,
    change: (agent: AgentRecord) => AgentRecord,
  ): Promise<AgentRecord | undefined> {
    return this.agents.update(AGENTS, id, change);
  }

  async *list(): AsyncGenerator<AgentRecord> {
    for await (const { value } of this.agents.list(AGENTS)) yield value;
  }

  async insertToken(token: EnrolmentTokenRecord): Promise<void> {
    await this.tokens.insert(TOKENS, token.id, token);
  }

  /** Uses a token once; false when it is unknown, expired, used up or its secret does not match. */
  async useToken(id: string, matches: (hash: string) => boolean, now: number): Promise<boolean> {
    let accepted = false;
    await this.tokens.update(TOKENS, id, (token) => {
      accepted = token.uses > 0 && Date.parse(token.expires) > now && matches(token.hash);
      return accepted ? { ...token, uses: token.uses - 1 } : undefined;
    });
    return accepted;
  }
}

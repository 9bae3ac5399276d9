import type { TableClient } from "@azure/data-tables";
import {
  type AgentRecord,
  agentRecordSchema,
  type EnrolmentTokenRecord,
  enrolmentTokenRecordSchema,
  type SourceCheckRecord,
  sourceCheckRecordSchema,
} from "../domain/records.ts";
import { Documents } from "./storage/documents.ts";
import { RowMemory } from "./storage/rowMemory.ts";

const AGENTS = "agents";
const TOKENS = "tokens";
const checksOf = (agentId: string) => `checks-${agentId}`;

/** Enrolled agents and the tokens that let further ones enrol. */
export class AgentStore {
  private readonly agents: Documents<AgentRecord>;
  private readonly tokens: Documents<EnrolmentTokenRecord>;
  private readonly checks: Documents<SourceCheckRecord>;

  constructor(table: TableClient) {
    this.agents = new Documents(table, agentRecordSchema, new RowMemory());
    this.tokens = new Documents(table, enrolmentTokenRecordSchema);
    this.checks = new Documents(table, sourceCheckRecordSchema);
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

  async remove(id: string): Promise<void> {
    await this.agents.remove(AGENTS, id);
  }

  async putCheck(check: SourceCheckRecord): Promise<void> {
    await this.checks.put(checksOf(check.agentId), check.id, check);
  }

  async findCheck(agentId: string, id: string): Promise<SourceCheckRecord | undefined> {
    return (await this.checks.get(checksOf(agentId), id))?.value;
  }

  async *listTokens(): AsyncGenerator<EnrolmentTokenRecord> {
    for await (const { value } of this.tokens.list(TOKENS)) yield value;
  }

  /** False when there is no such token. */
  async removeToken(id: string): Promise<boolean> {
    const found = await this.tokens.get(TOKENS, id);
    if (found) await this.tokens.remove(TOKENS, id);
    return found !== undefined;
  }

  async insertToken(token: EnrolmentTokenRecord): Promise<void> {
    await this.tokens.insert(TOKENS, token.id, token);
  }

  /**
   * Uses a token once; undefined when it is unknown, expired, used up, for another group, or its secret does not match.
   */
  async useToken(
    id: string,
    proof: { matches: (hash: string) => boolean; group?: string | undefined },
    now: number,
  ): Promise<EnrolmentTokenRecord | undefined> {
    let accepted = false;
    const token = await this.tokens.update(TOKENS, id, (row) => {
      accepted =
        row.uses > 0 &&
        Date.parse(row.expires) > now &&
        (!row.group || !proof.group || row.group === proof.group) &&
        proof.matches(row.hash);
      return accepted ? { ...row, uses: row.uses - 1 } : undefined;
    });
    return accepted ? token : undefined;
  }
}

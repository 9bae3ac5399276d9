import { z } from "zod";
import { badParameter, conflict, keyNotFound, VaultError } from "./errors.ts";
import type { HttpRequest } from "./http.ts";
import { newVersion, unixNow, unwrap, wrap } from "./key-operations.ts";
import { type KeyStore, type KeyVersion, OPERATIONS, type StoredKey } from "./key-store.ts";
import { current, representation } from "./representation.ts";

/** Also what makes a name a safe file name. */
const KEY_NAME = /^[0-9a-zA-Z-]{1,127}$/;
const attributesSchema = z.object({
  enabled: z.boolean().optional(),
  nbf: z.int().optional(),
  exp: z.int().optional(),
});
const keyOps = z.array(z.enum(OPERATIONS)).min(1);
const tags = z.record(z.string(), z.string());
const createSchema = z.object({
  kty: z.literal("RSA", { error: "only RSA keys are offered" }),
  key_size: z.literal([2_048, 3_072, 4_096]).default(2_048),
  key_ops: keyOps.default([...OPERATIONS]),
  attributes: attributesSchema.default({}),
  tags: tags.optional(),
});
const updateSchema = z.object({
  key_ops: keyOps.optional(),
  attributes: attributesSchema.default({}),
  tags: tags.optional(),
});
const cryptoSchema = z.object({ alg: z.string(), value: z.string() });

interface Call {
  name: string;
  /** Empty for the current version. */
  version: string;
  query: URLSearchParams;
  body: unknown;
}
type Route = [method: string, path: RegExp, handle: (call: Call) => unknown];

/**
 * The keys part of Key Vault's data plane (MS docs: rest/api/keyvault/keys). `baseUrl` begins the ids of keys.
 * The returned function answers with the body of a success, undefined for "no content", or throws a VaultError.
 */
export function keysApi(store: KeyStore, baseUrl: string) {
  const show = representation(baseUrl);

  const find = (name: string): StoredKey => {
    const key = store.get(name);
    if (!key || key.deleted !== undefined) throw keyNotFound(name);
    return key;
  };
  const findDeleted = (name: string): StoredKey => {
    const key = store.get(name);
    if (key?.deleted === undefined) throw keyNotFound(name);
    return key;
  };
  const findVersion = (name: string, wanted: string): [StoredKey, KeyVersion] => {
    const key = find(name);
    const version =
      wanted === "" ? current(key) : key.versions.find(({ version }) => version === wanted);
    if (!version) throw keyNotFound(`${name}/${wanted}`);
    return [key, version];
  };
  /** The key if there is one; refuses a name that a deleted key still holds. */
  const findOrNone = (name: string): StoredKey | undefined => {
    const key = store.get(name);
    if (key?.deleted === undefined) return key;
    throw conflict(`Key ${name} is deleted; its name can be used again once it is purged.`);
  };
  /** Adds a version to a key that may have come or gone while the version was made. */
  const append = (name: string, version: KeyVersion) => {
    const key = findOrNone(name);
    const next = { name: key?.name ?? name, versions: [...(key?.versions ?? []), version] };
    store.put(next);
    return show.bundle(next, version);
  };

  const create = async ({ name, body }: Call) => {
    if (!KEY_NAME.test(name))
      throw badParameter(`The key name '${name}' does not fit ${KEY_NAME}.`);
    findOrNone(name);
    const { key_size, key_ops, attributes, tags } = parse(createSchema, body);
    const version = await newVersion({
      keySize: key_size,
      operations: key_ops,
      enabled: attributes.enabled ?? true,
      notBefore: attributes.nbf,
      expires: attributes.exp,
      tags,
    });
    return append(name, version);
  };
  const rotate = async ({ name }: Call) => {
    const { keySize, operations, tags } = current(find(name));
    const version = await newVersion({
      keySize,
      operations,
      tags,
      enabled: true,
      notBefore: undefined,
      expires: undefined,
    });
    return append(name, version);
  };
  const update = ({ name, version: wanted, body }: Call) => {
    const [key, version] = findVersion(name, wanted);
    const { key_ops, attributes, tags } = parse(updateSchema, body);
    const changed: KeyVersion = {
      ...version,
      enabled: attributes.enabled ?? version.enabled,
      notBefore: attributes.nbf ?? version.notBefore,
      expires: attributes.exp ?? version.expires,
      operations: key_ops ?? version.operations,
      tags: tags ?? version.tags,
      updated: unixNow(),
    };
    const versions = key.versions.map((old) => (old === version ? changed : old));
    store.put({ ...key, versions });
    return show.bundle(key, changed);
  };
  const remove = ({ name }: Call) => {
    const key = { ...find(name), deleted: unixNow() };
    store.put(key);
    return show.deletedBundle(key);
  };
  const recover = ({ name }: Call) => {
    const { deleted: _, ...key } = findDeleted(name);
    store.put(key);
    return show.bundle(key, current(key));
  };
  const crypt = (run: typeof wrap) => (call: Call) => {
    const [key, version] = findVersion(call.name, call.version);
    const { alg, value } = parse(cryptoSchema, call.body);
    return { kid: show.idOf(key, version), value: run(version, alg, value) };
  };
  const list = ({ query }: Call) => {
    const keys = store.all().filter(({ deleted }) => deleted === undefined);
    return show.page(
      keys.map((key) => show.item(key)),
      "/keys",
      query,
    );
  };
  const listDeleted = ({ query }: Call) => {
    const keys = store.all().filter(({ deleted }) => deleted !== undefined);
    return show.page(
      keys.map((key) => show.deletedItem(key)),
      "/deletedkeys",
      query,
    );
  };
  const listVersions = ({ name, query }: Call) => {
    const key = find(name);
    const items = key.versions.map((version) => show.item(key, version));
    return show.page(items, `/keys/${name}/versions`, query);
  };

  const routes: Route[] = [
    ["GET", /^\/keys$/, list],
    ["POST", /^\/keys\/([^/]+)\/create$/, create],
    ["POST", /^\/keys\/([^/]+)\/rotate$/, rotate],
    ["GET", /^\/keys\/([^/]+)\/versions$/, listVersions],
    [
      "GET",
      /^\/keys\/([^/]+)(?:\/([0-9a-f]*))?$/,
      (c) => show.bundle(...findVersion(c.name, c.version)),
    ],
    ["PATCH", /^\/keys\/([^/]+)(?:\/([0-9a-f]*))?$/, update],
    ["DELETE", /^\/keys\/([^/]+)$/, remove],
    ["POST", /^\/keys\/([^/]+)(?:\/([0-9a-f]*))?\/wrapkey$/i, crypt(wrap)],
    ["POST", /^\/keys\/([^/]+)(?:\/([0-9a-f]*))?\/unwrapkey$/i, crypt(unwrap)],
    ["GET", /^\/deletedkeys$/, listDeleted],
    ["GET", /^\/deletedkeys\/([^/]+)$/, ({ name }) => show.deletedBundle(findDeleted(name))],
    ["POST", /^\/deletedkeys\/([^/]+)\/recover$/, recover],
    ["DELETE", /^\/deletedkeys\/([^/]+)$/, ({ name }) => store.remove(findDeleted(name))],
  ];

  return async ({ method, url, json }: HttpRequest): Promise<unknown> => {
    const query = url.searchParams;
    if (!query.get("api-version")) throw badParameter("api-version is required.");
    for (const [wanted, path, handle] of routes) {
      const match = wanted === method ? path.exec(url.pathname) : null;
      if (!match) continue;
      const [, name = "", version = ""] = match;
      return handle({ name, version, query, body: parseBody(json) });
    }
    throw new VaultError(404, "NotFound", `${method} ${url.pathname} is not offered here.`);
  };
}

function parseBody(json: () => unknown): unknown {
  try {
    return json() ?? {};
  } catch {
    throw badParameter("The body is not JSON.");
  }
}

function parse<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (!result.success) throw badParameter(z.prettifyError(result.error));
  return result.data;
}

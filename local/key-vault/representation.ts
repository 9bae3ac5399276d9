import type { KeyVersion, StoredKey } from "./key-store.ts";

const RETENTION_DAYS = 90;
const PAGE_SIZE = 25;

/** The version that is used when none is named. */
export const current = ({ versions }: StoredKey) => versions.at(-1) as KeyVersion;

/** How keys look on the wire; their ids are URLs that begin with `baseUrl`. */
export function representation(baseUrl: string) {
  const idOf = ({ name }: StoredKey, version?: KeyVersion) =>
    `${baseUrl}/keys/${name}${version ? `/${version.version}` : ""}`;
  const describe = ({ enabled, notBefore, expires, created, updated, tags }: KeyVersion) => ({
    attributes: {
      enabled,
      ...(notBefore !== undefined && { nbf: notBefore }),
      ...(expires !== undefined && { exp: expires }),
      created,
      updated,
      recoveryLevel: "Recoverable+Purgeable",
      recoverableDays: RETENTION_DAYS,
      exportable: false,
    },
    ...(tags && { tags }),
  });
  const deletion = ({ name, deleted = 0 }: StoredKey) => ({
    recoveryId: `${baseUrl}/deletedkeys/${name}`,
    deletedDate: deleted,
    scheduledPurgeDate: deleted + RETENTION_DAYS * 86_400,
  });
  const bundle = (key: StoredKey, version: KeyVersion) => {
    const { operations, n, e } = version;
    return {
      key: { kid: idOf(key, version), kty: "RSA", key_ops: operations, n, e },
      ...describe(version),
    };
  };
  const item = (key: StoredKey, version?: KeyVersion) => ({
    kid: idOf(key, version),
    ...describe(version ?? current(key)),
  });
  return {
    idOf,
    /** A key version with its public key. */
    bundle,
    deletedBundle: (key: StoredKey) => ({ ...bundle(key, current(key)), ...deletion(key) }),
    /** An entry of a list: without the public key. */
    item,
    deletedItem: (key: StoredKey) => ({ ...item(key), ...deletion(key) }),
    /** One page of a list and the address of the next. */
    page<T>(all: readonly T[], path: string, query: URLSearchParams) {
      const from = Number(query.get("$skiptoken")) || 0;
      const size = Math.min(Number(query.get("maxresults")) || PAGE_SIZE, PAGE_SIZE);
      const more = new URLSearchParams(query);
      more.set("$skiptoken", String(from + size));
      const nextLink = from + size < all.length ? `${baseUrl}${path}?${more}` : null;
      return { value: all.slice(from, from + size), nextLink };
    },
  };
}

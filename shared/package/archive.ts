import { crc32 } from "node:zlib";
import { MAX_ARCHIVE_BYTES, MAX_ARCHIVED_MEMBER_BYTES } from "../rules/limits.ts";

/*
 * An archive is a zip of small blobs that are encrypted already, so it is stored without compression, and held in memory,
 * at most 10 MB (MS docs: migration-content-package, ArchivedFiles.xml). Store-only zip is three fixed records (PKWARE
 * APPNOTE 4.3). Writing them here, with zlib's crc32, costs a few milliseconds for a full archive of 250 members and knows
 * the exact size before a member is added; a streaming zip library took 25 ms, as much as encrypting the content.
 */

export interface ArchiveBuilder {
  /** Names of the members so far, in order. */
  readonly members: readonly string[];
  /** Adds one encrypted blob; false, and nothing added, when that would break a limit of SharePoint's. */
  tryAdd(name: string, data: Uint8Array): boolean;
  /** Bytes of the zip as it stands. */
  readonly size: number;
  /** The complete zip in order, piece by piece: an archive costs its members' memory and no second copy. */
  pieces(): Iterable<Uint8Array>;
}

export function createArchive(): ArchiveBuilder {
  const members = new Map<string, Uint8Array>();
  let size = END_BYTES;
  return {
    get members() {
      return [...members.keys()];
    },
    tryAdd(name, data) {
      if (members.has(name)) throw new Error(`the archive has a member "${name}" already`);
      const grown = size + LOCAL_BYTES + CENTRAL_BYTES + 2 * Buffer.byteLength(name) + data.length;
      if (data.length > MAX_ARCHIVED_MEMBER_BYTES || grown > MAX_ARCHIVE_BYTES) return false;
      members.set(name, data);
      size = grown;
      return true;
    },
    get size() {
      return size;
    },
    pieces: () => zipPieces(members),
  };
}

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;

/** What a member's local header and its entry in the central directory have in common: 26 bytes. */
const VERSION_NEEDED = 10;
const UTF8_NAME = 0x0800;
const STORED = 0;
/** 1980-01-01 00:00, the first time zip knows: the same members always give the same bytes. */
const DOS_TIME = 0;
const DOS_DATE = 0x0021;

function* zipPieces(members: ReadonlyMap<string, Uint8Array>): Generator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of members) {
    const nameBytes = Buffer.from(name, "utf8");
    const local = Buffer.alloc(LOCAL_BYTES);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(VERSION_NEEDED, 4);
    local.writeUInt16LE(UTF8_NAME, 6);
    local.writeUInt16LE(STORED, 8);
    local.writeUInt16LE(DOS_TIME, 10);
    local.writeUInt16LE(DOS_DATE, 12);
    local.writeUInt32LE(crc32(data), 14);
    local.writeUInt32LE(data.length, 18);
    local.writeUInt32LE(data.length, 22);
    local.writeUInt16LE(nameBytes.length, 26);
    yield local;
    yield nameBytes;
    yield data;
    const entry = Buffer.alloc(CENTRAL_BYTES);
    entry.writeUInt32LE(0x02014b50, 0);
    local.copy(entry, 6, 4);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, nameBytes);
    offset += LOCAL_BYTES + nameBytes.length + data.length;
  }
  yield* directory;
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.size, 8);
  end.writeUInt16LE(members.size, 10);
  end.writeUInt32LE(
    directory.reduce((sum, part) => sum + part.length, 0),
    12,
  );
  end.writeUInt32LE(offset, 16);
  yield end;
}

import { XMLParser, XMLValidator } from "fast-xml-parser";

/** An XML element without its text: the package's files carry everything in attributes. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
}

class XmlError extends Error {
  override name = "XmlError";
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseAttributeValue: false,
  parseTagValue: false,
  trimValues: false,
  // The library limits expansions per document and refuses numeric references; references are decoded below instead.
  processEntities: false,
  jPath: false,
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML 1.0 does not allow
const ILLEGAL_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

type ParsedNode = { ":@"?: Record<string, string> } & Record<string, unknown>;

/**
 * Parses UTF-8 XML, with or without byte order mark, to its root element. Attribute values come back exactly as XML
 * defines them: references resolved, nothing trimmed, nothing turned into a number.
 * Throws XmlError with the wording of .NET's XML reader where that is known.
 */
export function parseXml(bytes: Uint8Array): XmlElement {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new XmlError("There is an error in XML document: it is not valid UTF-8");
  }
  const illegal = ILLEGAL_CHARACTER.exec(text);
  if (illegal) throw errorAt(text, illegal.index, "hexadecimal value is an invalid character");
  const doctype = text.indexOf("<!DOCTYPE");
  if (doctype !== -1) throw errorAt(text, doctype, "DTD is prohibited in this XML document");
  const validation = XMLValidator.validate(text);
  if (validation !== true) {
    const { line, col, msg } = validation.err;
    throw new XmlError(`There is an error in XML document (${line}, ${col ?? 1}): ${msg}`);
  }
  let nodes: ParsedNode[];
  try {
    nodes = parser.parse(text) as ParsedNode[];
  } catch (error) {
    throw new XmlError(`There is an error in XML document: ${(error as Error).message}`);
  }
  const [root, another] = nodes.flatMap(toElement);
  if (!root || another) throw new XmlError("There are multiple root elements in XML document");
  return root;
}

/** An attribute that the schema requires. Throws XmlError if it is not there after all. */
export function attribute(element: XmlElement, name: string): string {
  const value = element.attributes[name];
  if (value === undefined) throw new XmlError(`${element.name} has no attribute ${name}`);
  return value;
}

/** The children with one element name, in document order. */
export function childrenNamed(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

function toElement(node: ParsedNode): XmlElement[] {
  const name = Object.keys(node).find((key) => key !== ":@");
  if (name === undefined || name === "#text" || name.startsWith("?")) return [];
  const attributes: Record<string, string> = {};
  for (const [key, value] of Object.entries(node[":@"] ?? {})) {
    attributes[key] = decodeAttribute(key, value);
  }
  return [{ name, attributes, children: (node[name] as ParsedNode[]).flatMap(toElement) }];
}

function decodeAttribute(name: string, raw: string): string {
  if (raw.includes("<")) throw new XmlError(`'<' is an invalid attribute character in "${name}"`);
  // XML 1.0, 3.3.3: literal white space becomes a space, a character reference to it stays what it is.
  const normalized = raw.replace(/\r\n|[\t\r\n]/g, " ");
  if (!normalized.includes("&")) return normalized;
  return normalized.replace(
    /&(?:#x([0-9a-f]+);|#(\d+);|(\w+);)?/gi,
    (reference, hex, decimal, entity) => {
      const named = entity === undefined ? undefined : NAMED[entity];
      if (named !== undefined) return named;
      const code = hex ? Number.parseInt(hex, 16) : decimal ? Number(decimal) : Number.NaN;
      const isSurrogate = code >= 0xd800 && code <= 0xdfff;
      const character = code <= 0x10ffff && !isSurrogate ? String.fromCodePoint(code) : "\0";
      if (ILLEGAL_CHARACTER.test(character)) {
        throw new XmlError(
          `Reference to undeclared entity or illegal character '${reference}' in "${name}"`,
        );
      }
      return character;
    },
  );
}

function errorAt(text: string, index: number, message: string): XmlError {
  const before = text.slice(0, index);
  const line = before.split("\n").length;
  const column = index - before.lastIndexOf("\n");
  return new XmlError(`There is an error in XML document (${line}, ${column}): ${message}`);
}

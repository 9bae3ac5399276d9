import { readFileSync } from "node:fs";
import { isGuid } from "../guid.ts";
import { attribute, childrenNamed, parseXml, type XmlElement } from "./xml.ts";

/** A check of one attribute value; returns what was expected, or undefined if the value is fine. */
type Check = (value: string) => string | undefined;

interface TypeRule {
  attributes: Map<string, { check: Check; required: boolean }>;
  /** `anyAttribute` or `any`: what is not declared is taken as it comes. */
  anyAttribute: boolean;
  anyElement: boolean;
  /** Children by name. Those of one `at` are a choice; a smaller `at` must come before a larger one. */
  children: Map<string, { at: number; repeats: boolean; required: boolean; type: () => TypeRule }>;
}

export class SchemaError extends Error {
  override name = "SchemaError";
  constructor(message: string) {
    super(`[System.Xml.Schema.XmlSchemaValidationException] [${message}]`);
  }
}

const integer = matches(/^[+-]?\d{1,10}$/, "int");
const builtIn: Record<string, Check> = {
  ...{ "xs:int": integer, "xs:nonNegativeInteger": integer },
  ...{ "xs:short": integer, "xs:byte": integer, "xs:unsignedByte": integer },
  "xs:boolean": matches(/^(true|false|1|0)$/, "boolean"),
  "xs:float": matches(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, "float"),
  "xs:base64Binary": matches(
    /^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/i,
    "base64Binary",
  ),
  "xs:dateTime": (value) => (Number.isNaN(parseDateTime(value)) ? "dateTime" : undefined),
  "xs:string": () => undefined,
  // A plain string in the published schemas; the service wants GUID text without braces.
  Guid: (value) => (isGuid(value) ? undefined : "Guid"),
};

function matches(pattern: RegExp, type: string): Check {
  return (value) => (pattern.test(value) ? undefined : type);
}

/** Milliseconds since the epoch of an xs:dateTime; without a zone it is UTC. NaN if it is none. */
export function parseDateTime(value: string): number {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(value);
  return match ? Date.parse(match[1] ? value : `${value}Z`) : Number.NaN;
}

/**
 * Reads an XSD, as much of XML Schema as Microsoft's package schemas use. `amend` may widen its text beforehand.
 * Returns a function that checks a document and throws SchemaError, worded as .NET does, at the first violation.
 */
export function readSchema(file: string, amend = (xsd: string) => xsd) {
  const schema = parseXml(Buffer.from(amend(readFileSync(file, "utf8"))));
  const namespace = schema.attributes.targetNamespace;
  const declared = new Map(
    schema.children.map((child) => [child.name + attribute(child, "name"), child]),
  );
  const compiled = new Map<XmlElement, TypeRule>();

  /** The rule of a complex type, by its name or as it is written inside the element. */
  function typeOf(holder: XmlElement, name = holder.attributes.type): TypeRule {
    const type = name
      ? declared.get(`xs:complexType${name}`)
      : childrenNamed(holder, "xs:complexType")[0];
    if (!type) throw new Error(`${file} does not define the type of ${holder.attributes.name}`);
    const rule = compiled.get(type) ?? compile(type);
    compiled.set(type, rule);
    return rule;
  }

  function compile(type: XmlElement): TypeRule {
    const extension = childrenNamed(childrenNamed(type, "xs:complexContent")[0], "xs:extension")[0];
    const base = extension && typeOf(extension, extension.attributes.base);
    const rule: TypeRule = {
      attributes: new Map(base?.attributes),
      anyAttribute: base?.anyAttribute ?? false,
      anyElement: base?.anyElement ?? false,
      children: new Map(base?.children),
    };
    const body = extension ?? type;
    for (const declaration of childrenNamed(body, "xs:attribute")) {
      const required = declaration.attributes.use === "required";
      const check = checkOf(declaration, declaration.attributes.type);
      rule.attributes.set(attribute(declaration, "name"), { check, required });
    }
    if (childrenNamed(body, "xs:anyAttribute").length > 0) rule.anyAttribute = true;
    addChildren(rule, body, false, false, true);
    return rule;
  }

  /** Adds the elements of nested sequences and choices. */
  function addChildren(
    rule: TypeRule,
    group: XmlElement,
    isOnePlace: boolean,
    isRepeated: boolean,
    isRequired: boolean,
  ): void {
    const place = rule.children.size;
    for (const particle of group.children) {
      const repeats = isRepeated || (particle.attributes.maxOccurs ?? "1") !== "1";
      const required = isRequired && particle.attributes.minOccurs !== "0";
      if (particle.name === "xs:any") rule.anyElement = true;
      else if (particle.name === "xs:sequence")
        addChildren(rule, particle, isOnePlace || repeats, repeats, required);
      else if (particle.name === "xs:choice") addChildren(rule, particle, true, repeats, false);
      else if (particle.name === "xs:element") {
        const at = isOnePlace ? place : rule.children.size;
        const type = () => typeOf(particle);
        rule.children.set(attribute(particle, "name"), { at, repeats, required, type });
      }
    }
  }

  function checkOf(holder: XmlElement, name: string | undefined): Check {
    const known = name && builtIn[name];
    if (known) return known;
    const simple = name
      ? declared.get(`xs:simpleType${name}`)
      : childrenNamed(holder, "xs:simpleType")[0];
    const facets = childrenNamed(simple, "xs:restriction")[0]?.children ?? [];
    const values = (facet: string) =>
      facets.filter((each) => each.name === facet).map((each) => attribute(each, "value"));
    const allowed = values("xs:enumeration");
    const patterns = values("xs:pattern").map((pattern) => new RegExp(`^(?:${pattern})$`));
    const [minimum = 0] = values("xs:minLength").map(Number);
    const [maximum = Number.POSITIVE_INFINITY] = values("xs:maxLength").map(Number);
    return (value) => {
      if (allowed.length > 0 && !allowed.includes(value)) return `one of ${allowed.join(", ")}`;
      if (!patterns.every((pattern) => pattern.test(value))) return String(patterns[0]);
      if (value.length >= minimum && value.length <= maximum) return undefined;
      return `string of ${minimum} to ${maximum} characters`;
    };
  }

  return (root: XmlElement): void => {
    const element = declared.get(`xs:element${root.name}`);
    if (!element || root.attributes.xmlns !== namespace) {
      const found = `${root.attributes.xmlns ?? ""}:${root.name}`;
      throw new SchemaError(`The '${found}' element is not declared.`);
    }
    validate(root, typeOf(element));
  };
}

function validate(element: XmlElement, rule: TypeRule): void {
  for (const [name, value] of Object.entries(element.attributes)) {
    if (/^(xmlns$|xmlns:|xsi:)/.test(name)) continue;
    const declared = rule.attributes.get(name);
    if (!declared && !rule.anyAttribute) {
      throw new SchemaError(`The '${name}' attribute is not declared.`);
    }
    const expected = declared?.check(value);
    if (expected) {
      throw new SchemaError(
        `The '${name}' attribute is invalid - The value '${value}' is invalid according to its datatype '${expected}'`,
      );
    }
  }
  for (const [name, { required }] of rule.attributes) {
    if (required && element.attributes[name] === undefined) {
      throw new SchemaError(`The required attribute '${name}' is missing.`);
    }
  }
  if (!rule.anyElement) validateChildren(element, rule);
}

function validateChildren(element: XmlElement, rule: TypeRule): void {
  let last = -1;
  for (const child of element.children) {
    const found = rule.children.get(child.name);
    if (!found || found.at < last || (found.at === last && !found.repeats)) {
      const message = `The element '${element.name}' has invalid child element '${child.name}'.`;
      throw new SchemaError(message);
    }
    last = found.at;
    validate(child, found.type());
  }
  for (const [name, { required }] of rule.children) {
    if (required && !element.children.some((child) => child.name === name)) {
      const message = `The element '${element.name}' has incomplete content. Expected: '${name}'.`;
      throw new SchemaError(message);
    }
  }
}

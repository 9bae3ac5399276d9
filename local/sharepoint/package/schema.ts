import { isGuid } from "../guid.ts";
import type { XmlElement } from "./xml.ts";

/** A check of one attribute value; returns what was expected, or undefined if the value is fine. */
export type ValueRule = (value: string) => string | undefined;

/** What the schema says about one element. */
export interface ElementRule {
  attributes?: Record<string, ValueRule>;
  required?: string[];
  /** The schema has `anyAttribute`: attributes that are not declared are taken as they come. */
  open?: boolean;
  /** Child elements by name; "skip" takes any content, as `processContents="skip"` does. */
  children?: Record<string, ElementRule> | "skip";
  /** Children must come in the order in which `children` lists them, each at most once. */
  sequence?: boolean;
}

export class SchemaError extends Error {
  override name = "SchemaError";
  constructor(message: string) {
    super(`[System.Xml.Schema.XmlSchemaValidationException] [${message}]`);
  }
}

export const text: ValueRule = () => undefined;
export const guid: ValueRule = (value) => (isGuid(value) ? undefined : "Guid");
export const boolean: ValueRule = matches(/^(true|false|1|0)$/, "boolean");
export const int: ValueRule = matches(/^[+-]?\d{1,10}$/, "int");
export const float: ValueRule = matches(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, "float");
export const base64: ValueRule = matches(
  /^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/i,
  "base64Binary",
);
export const dateTime: ValueRule = (value) =>
  Number.isNaN(parseDateTime(value)) ? "dateTime" : undefined;
export const oneOf =
  (...values: string[]): ValueRule =>
  (value) =>
    values.includes(value) ? undefined : `one of ${values.join(", ")}`;
export const filled =
  (maximum: number): ValueRule =>
  (value) =>
    value.length >= 1 && value.length <= maximum
      ? undefined
      : `string of 1 to ${maximum} characters`;

function matches(pattern: RegExp, type: string): ValueRule {
  return (value) => (pattern.test(value) ? undefined : type);
}

/** Milliseconds since the epoch of an xs:dateTime; without a zone it is UTC. NaN if it is none. */
export function parseDateTime(value: string): number {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(value);
  return match ? Date.parse(match[1] ? value : `${value}Z`) : Number.NaN;
}

/** Checks the element and everything below it. Throws SchemaError at the first violation, worded as .NET does. */
export function validate(element: XmlElement, rule: ElementRule): void {
  for (const [name, value] of Object.entries(element.attributes)) {
    if (name === "xmlns" || name.startsWith("xmlns:") || name.startsWith("xsi:")) continue;
    const check = rule.attributes?.[name];
    if (!check) {
      if (rule.open) continue;
      throw new SchemaError(`The '${name}' attribute is not declared.`);
    }
    const expected = check(value);
    if (expected) {
      throw new SchemaError(
        `The '${name}' attribute is invalid - The value '${value}' is invalid according to its datatype '${expected}'`,
      );
    }
  }
  for (const name of rule.required ?? []) {
    if (element.attributes[name] === undefined) {
      throw new SchemaError(`The required attribute '${name}' is missing.`);
    }
  }
  if (rule.children !== "skip") validateChildren(element, rule, rule.children ?? {});
}

function validateChildren(
  element: XmlElement,
  rule: ElementRule,
  children: Record<string, ElementRule>,
): void {
  const order = Object.keys(children);
  let last = -1;
  for (const child of element.children) {
    const at = order.indexOf(child.name);
    const childRule = children[child.name];
    if (!childRule || (rule.sequence && at <= last)) {
      throw new SchemaError(
        `The element '${element.name}' has invalid child element '${child.name}'.`,
      );
    }
    last = at;
    validate(child, childRule);
  }
}

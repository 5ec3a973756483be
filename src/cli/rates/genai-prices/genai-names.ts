import { invalidNameReason, invalidPatternReason } from "../cards/key-names.js";
import type { Report } from "../cards/report.js";
import { argumentsOf, isList, type PlainData } from "../data/plain-data.js";

/** A model of genai-prices: its identifier, and the clause that its names match. */
export type NamedModel = {
  readonly entry: string;
  readonly provider: string;
  readonly id: string;
  readonly match: PlainData | undefined;
};

/**
 * Returns the names of a model: those that it equals, those that begin with a text (with a final
 * `*`), and its identifier if its own clause matches it. Reports all other clauses. No regular
 * expression of the file is run.
 */
export function readNames(
  { entry, provider, id, match }: NamedModel,
  report: Report,
): readonly string[] {
  const names = new Set<string>();
  const field = "match";
  const add = (name: string, invalid: string | undefined) => {
    if (invalid === undefined) names.add(name);
    else report.omit(entry, "INVALID_NAME", { field, detail: invalid });
  };
  if (matches(match, id.toLowerCase()) === false)
    report.omit(entry, "LABEL", { field: "id", detail: id });
  else add(id, invalidNameReason(provider, id));
  for (const clause of alternativesOf(match)) {
    const exact = textOf(clause, equals);
    const prefix = textOf(clause, startsWith);
    if (exact !== undefined) add(exact, invalidNameReason(provider, exact));
    else if (prefix !== undefined) add(`${prefix}*`, invalidPatternReason(provider, `${prefix}*`));
    else report.omit(entry, "NAME_PATTERN", { field, detail: describeClause(clause) });
  }
  return [...names];
}

/** The kinds of clauses: the name that is called, and its argument. */
type ClauseKind = { readonly callee: string; readonly argument: string };

const equals: ClauseKind = { callee: "ClauseEquals", argument: "equals" };
const startsWith: ClauseKind = { callee: "ClauseStartsWith", argument: "starts_with" };
const endsWith: ClauseKind = { callee: "ClauseEndsWith", argument: "ends_with" };
const contains: ClauseKind = { callee: "ClauseContains", argument: "contains" };
const regex: ClauseKind = { callee: "ClauseRegex", argument: "regex" };
const anyOf: ClauseKind = { callee: "ClauseOr", argument: "or_" };
const allOf: ClauseKind = { callee: "ClauseAnd", argument: "and_" };

function alternativesOf(clause: PlainData | undefined): readonly (PlainData | undefined)[] {
  const alternatives = membersOf(clause, anyOf);
  return alternatives === undefined ? [clause] : alternatives.flatMap(alternativesOf);
}

/** Returns whether a clause matches a name. Undefined: only a regular expression could decide. */
function matches(clause: PlainData | undefined, name: string): boolean | undefined {
  const text = (kind: ClauseKind) => textOf(clause, kind)?.toLowerCase();
  const [exact, prefix, suffix, part] = [equals, startsWith, endsWith, contains].map(text);
  if (exact !== undefined) return name === exact;
  if (prefix !== undefined) return name.startsWith(prefix);
  if (suffix !== undefined) return name.endsWith(suffix);
  if (part !== undefined) return name.includes(part);
  const all = membersOf(clause, allOf)?.map((each) => matches(each, name));
  if (all !== undefined)
    return all.includes(false) ? false : all.includes(undefined) ? undefined : true;
  const any = membersOf(clause, anyOf)?.map((each) => matches(each, name));
  if (any !== undefined)
    return any.includes(true) ? true : any.includes(undefined) ? undefined : false;
  return undefined;
}

function textOf(
  clause: PlainData | undefined,
  { callee, argument }: ClauseKind,
): string | undefined {
  const text = argumentsOf(clause, callee)?.get(argument);
  return typeof text === "string" ? text : undefined;
}

function membersOf(
  clause: PlainData | undefined,
  { callee, argument }: ClauseKind,
): readonly PlainData[] | undefined {
  const members = argumentsOf(clause, callee)?.get(argument);
  return isList(members) ? members : undefined;
}

function describeClause(clause: PlainData | undefined): string {
  for (const kind of [endsWith, contains, regex]) {
    const text = textOf(clause, kind);
    if (text !== undefined) return `${kind.argument} ${text}`;
  }
  const members = membersOf(clause, allOf);
  return members === undefined ? "unknown clause" : members.map(describePart).join(" and ");
}

function describePart(clause: PlainData): string {
  const text = textOf(clause, startsWith) ?? textOf(clause, equals);
  return text === undefined ? describeClause(clause) : `starts with ${text}`;
}

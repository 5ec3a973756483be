import {
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Knex } from "knex";
import { findPool } from "../library-internals/private-fields.js";

/**
 * Makes spans of the statements of a pool, with their text and without their values, and of the
 * waiting for a connection. What is done for no call, as by the watch over the database, has none.
 */
export function traceDatabase(knex: Knex, tracer: Tracer): void {
  // A connection has one statement at a time; those of transactions' own have no end of theirs.
  const statements = new Map<string, Span>();
  const endStatement = (connection: string, error?: unknown) => {
    const span = statements.get(connection);
    statements.delete(connection);
    end(span, error);
  };
  knex.on("query", ({ __knexUid, sql }: Statement) => {
    endStatement(__knexUid);
    const span = startSpan(tracer, operationOf(sql), SpanKind.CLIENT, {
      "db.operation.name": operationOf(sql),
      "db.query.text": textOf(sql),
    });
    if (span !== undefined) statements.set(__knexUid, span);
  });
  knex.on("query-response", (_: unknown, { __knexUid }: Statement) => endStatement(__knexUid));
  knex.on("query-error", (error: unknown, { __knexUid }: Statement) =>
    endStatement(__knexUid, error),
  );

  const pool = findPool(knex);
  const waits = new Map<number, Span>();
  const endWait = (id: number, error?: unknown) => {
    end(waits.get(id), error);
    waits.delete(id);
  };
  pool?.on("acquireRequest", (id: number) => {
    const span = startSpan(tracer, "acquire connection", SpanKind.INTERNAL, {});
    if (span !== undefined) waits.set(id, span);
  });
  pool?.on("acquireSuccess", (id: number) => endWait(id));
  pool?.on("acquireFail", (id: number, error: unknown) => endWait(id, error ?? "failed"));
  pool?.on("release", ({ __knexUid }: Statement) => endStatement(__knexUid));
  pool?.on("destroyRequest", (_: number, { __knexUid }: Statement) => endStatement(__knexUid));
}

/** What Knex tells of a statement, and tarn of a connection. */
type Statement = { readonly __knexUid: string; readonly sql: string };

function startSpan(
  tracer: Tracer,
  name: string,
  kind: SpanKind,
  attributes: Readonly<Record<string, string>>,
): Span | undefined {
  if (!trace.getSpan(context.active())?.isRecording()) return undefined;
  return tracer.startSpan(name, {
    kind,
    attributes: { "db.system.name": "postgresql", ...attributes },
  });
}

/** Never with the error's message: it has values in it. */
function end(span: Span | undefined, error: unknown): void {
  if (error !== undefined) {
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    const isSqlState = code !== undefined && /^[0-9A-Z]{5}$/.test(code);
    if (isSqlState) span?.setAttribute("db.response.status_code", code);
    span?.setAttribute("error.type", code ?? name ?? "error");
    span?.setStatus({ code: SpanStatusCode.ERROR });
  }
  span?.end();
}

function operationOf(sql: string): string {
  return /[a-z]+/i.exec(sql)?.[0].toUpperCase() ?? "SQL";
}

function textOf(sql: string): string {
  const text = sql.replace(/\s+/g, " ").trim();
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength - 3)}...`;
}

const maxTextLength = 2000;

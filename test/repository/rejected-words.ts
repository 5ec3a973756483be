/** A word that this project does not use, and the standard term for what it meant. */
export type RejectedWord = { readonly pattern: RegExp; readonly instead: string };

/** Matches words, and parts of identifiers in camel case: `door` in "the doors" and `openDoor`. */
function words(...list: readonly string[]): RegExp {
  const capitalized = list.map((each) => `${each.charAt(0).toUpperCase()}${each.slice(1)}`);
  const start = `(?<![A-Za-z_])(?:${[...list, ...capitalized].join("|")})`;
  const inside = `(?<=[a-z])(?:${capitalized.join("|")})`;
  return new RegExp(`(?:${start}|${inside})(?![a-z])`);
}

/** Matches these identifiers only. */
function identifiers(...list: readonly string[]): RegExp {
  return new RegExp(`(?<![\\w$])(?:${list.join("|")})(?![\\w$])`);
}

/**
 * The words. Each was a private name for something that gRPC, HTTP, PostgreSQL or Node.js has a name
 * for, or a phrase that is hard to understand at first read.
 */
export const rejectedWords: readonly RejectedWord[] = [
  // Servers and calls.
  { pattern: words("door", "doors"), instead: "listener (an open port), server" },
  { pattern: words("bulk"), instead: "worker threads, offloaded call" },
  { pattern: words("greet", "greets", "greeted", "greeting"), instead: "startup banner" },
  { pattern: /\bretire[sd]?\b/, instead: "graceful GOAWAY, drain a session" },
  {
    pattern: /makeObjectsYoung|\b(?:young objects|objects (?:young|old))\b/,
    instead: "disable pretenuring",
  },
  { pattern: identifiers("StreamTable", "forgetEndedStreams"), instead: "HTTP/2 stream map patch" },
  { pattern: words("surround", "surrounds", "surroundings"), instead: "wrapHandlers, CallOptions" },
  {
    pattern: identifiers("CallObserver", "createCallObserver", "EndedCall", "toEndedCall"),
    instead: "call log, CallRecord",
  },
  { pattern: words("tally", "tallies"), instead: "metrics, counter" },
  { pattern: /\bcreateCapacity\b|(?:type|:) Capacity\b/, instead: "in-flight limit" },
  { pattern: words("unserved", "notServed"), instead: "unimplemented" },
  { pattern: words("weigh", "weighs", "weighed"), instead: "body size, exceedsSize" },
  { pattern: words("spoil", "spoils", "spoiled"), instead: "reject invalid calendar dates" },
  { pattern: identifiers("nameCall"), instead: "assignRequestId" },
  { pattern: identifiers("followCall", "FollowedCall"), instead: "call tracker" },
  {
    pattern: /(?<![a-z])whyNot|whyUnreadable/,
    instead: "notReadyReason, unsupportedReason, malformedReason",
  },
  { pattern: identifiers("LimitedContext"), instead: "CallContext" },
  { pattern: identifiers("answerInOurTerms"), instead: "handleAndRewriteErrors" },
  { pattern: identifiers("limitSessions"), instead: "limitHttp2Sessions" },
  {
    pattern: identifiers("openCore", "createHttpListener"),
    instead: "createComponents, createRequestListener",
  },

  // Errors, callers and reports.
  {
    pattern: words("refuse", "refuses", "refused", "refusing", "refusal", "refusals"),
    instead: "error, reject",
  },
  { pattern: words("tell", "tells", "told", "telling"), instead: "record, describe, report, show" },
  {
    pattern: words("admission", "admit", "admits", "admitted"),
    instead: "authorization, authorize",
  },
  { pattern: /\blets? in\b|\bletIn\b/, instead: "authorize" },
  { pattern: words("stranger", "strangers"), instead: "unauthenticated caller, unknown caller" },
  { pattern: words("misuse", "misused"), instead: "usageError, exit code usage" },
  { pattern: words("contradiction", "contradictions"), instead: "consistency checks" },
  { pattern: words("badRows", "bad-rows"), instead: "row errors" },

  // The price book and the store.
  {
    pattern: words("silence", "withoutSilence"),
    instead: "unresponsive-server timeout, inactivity",
  },
  {
    pattern: identifiers("inTurn", "turnsOf", "Turns", "allTurns"),
    instead: "concurrency limit, withConcurrencyLimit",
  },
  { pattern: identifiers("hear", "heard"), instead: "onActivity, receive" },
  {
    pattern: identifiers("nextTurn", "turnEndsAt", "turnMs", "rowsInTurn", "inSlices", "sliceMs"),
    instead: "yield to the event loop, runCooperatively",
  },
  {
    pattern: identifiers("leadOf", "importLeadOf", "learnLead", "learnImportLead", "leadMs"),
    instead: "commit lead time, estimateLeadTime, recordCommitDuration",
  },
  { pattern: /\bwritten? ahead\b|\bwriteAhead\b/, instead: "scheduled commit" },
  {
    pattern: /\b(?:hold|settled)Instant(?:Sql)?\b|\bisSettled\b/,
    instead: "effective-time lock, lockEffectiveTime, safe read time",
  },
  {
    pattern: identifiers("BookQuestion", "BookAnswer", "PriceAsked", "Asking", "BookAsk"),
    instead: "PriceQuery, PriceResult, lookup",
  },
  { pattern: identifiers("BookDraft"), instead: "snapshot builder" },
  {
    pattern: identifiers("followBook", "changeBook"),
    instead: "followDatabase, beginPriceBookChange",
  },
  {
    pattern: identifiers("pricesAt", "requireNames"),
    instead: "findPricesAt, lockCatalogNames",
  },
  { pattern: identifiers("whenKnown"), instead: "mapMaybePromise" },
  {
    pattern: identifiers("answerOnce", "replayOr", "claimRequest", "keepAnswer"),
    instead: "runIdempotent, replayOrRun, claimIdempotencyKey, saveResponse",
  },
  {
    pattern: identifiers("LookupField", "parseOpenLookup", "parseLookup"),
    instead: "price reference, parsePriceRef",
  },
  { pattern: identifiers("judged"), instead: "validated rows" },
  { pattern: identifiers("selectFirst"), instead: "quickselect" },

  // The embedded PostgreSQL.
  { pattern: words("rival", "clearTheWay"), instead: "stale server, stopStaleServer" },
  { pattern: words("staging"), instead: "atomic directory, createAtomically" },
  { pattern: /\bparent watch\b|\bwatchParent\b/, instead: "parent watchdog" },
  {
    pattern: identifiers("canReach", "canUse", "openSystemFolder"),
    instead: "canTraverse, canExecute, createSystemDirectory",
  },

  // The command line and the suites.
  { pattern: identifiers("openSource", "openTarget"), instead: "input file, output file" },
  { pattern: identifiers("grouped"), instead: "formatCount" },
  { pattern: words("lane", "lanes"), instead: "concurrency" },
  { pattern: words("ledger"), instead: "write log" },
  { pattern: words("story"), instead: "scenario" },

  // Phrases.
  { pattern: /\b[Ww]ho(?:m)?ever\b/, instead: "a noun: client, handler, replica, transaction" },
  { pattern: /\bbe (?:it|they)\b/, instead: "whether, or two sentences" },
  { pattern: /\bnor (?:has|have|does|do|is|are)\b/, instead: "a sentence of its own" },
  { pattern: /\bso do they\b|\bso does it\b/, instead: "repeat the verb" },
  { pattern: /\bas it is\b/, instead: "unchanged, or say what it is" },
  {
    pattern: /(?:\/\*\*|^\s*\*|^\s*\/\/) Has (?!no\b)/,
    instead: "the verb of what happens: Makes, Sends, Ends",
  },
];

/** A match that stays, and why. */
export type Exemption = { readonly file: RegExp; readonly text: RegExp; readonly why: string };

export const exemptions: readonly Exemption[] = [
  {
    file: /^(?:docs\/observability\.md|src\/tracing\/|test\/server\/ops\/tracing)/,
    text: /[`"]bulk thread[`"]/,
    why: "the name of a span, which operators search for",
  },
  {
    file: /./,
    text: /\b[Cc]onnections? (?:is |was |were )?refused\b/,
    why: "the text of ECONNREFUSED",
  },
  {
    file: /^biome\.json$/,
    text: /noMisusedPromises/,
    why: "the name of a rule of the linter",
  },
  {
    file: /^migrations\/20261201000004-answered-requests\.ts$/,
    text: /another body is refused/,
    why: "a comment on a column, which databases have stored",
  },
  {
    file: /^deploy\/prometheus\//,
    text: /silence this alert/,
    why: "Alertmanager's own word for muting an alert",
  },
  {
    file: /^CHANGELOG\.md$/,
    text: /`src\/server\/bulk`/,
    why: "the name that a folder had before",
  },
];

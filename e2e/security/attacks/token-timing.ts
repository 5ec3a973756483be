import { createHash } from "node:crypto";
import { createCaller } from "../../../src/domain/caller.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { createAuthenticator } from "../../../src/server/auth/authenticator.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import type { Attack } from "../attack.js";
import type { Random } from "../support/random.js";
import type { Trust } from "../support/trust.js";
import { welch } from "../support/welch.js";
import { openHttp2 } from "../wire/http2.js";

/**
 * Measures whether the time of a rejection shows how much of a token, or of its hash, is right, as
 * dudect does (Reparaz, Balasch and Verbauwhede, 2017): two kinds of attempts in random order, their
 * slowest left out, and Welch's t, of which more than 4.5 is more than chance. On a busy machine
 * chance has its days: a leak shows in three measurements of three, with the same sign.
 */
export const tokenTimingAttack = (trust: Trust): Attack => ({
  name: "token-timing",
  writes: "none",
  run: async ({ grpc }, counter, random) => {
    const measure = async (what: string, times: number, attempt: Attempt) => {
      const values: number[] = [];
      for (let i = 0; i < measurements; i += 1) values.push(await compare(times, attempt, random));
      const leaks = values.every((t) => t > mostByChance) || values.every((t) => t < -mostByChance);
      console.log(`  ${what}: t = ${values.map((t) => t.toFixed(1)).join(", ")}`);
      return leaks;
    };
    const judge = async (what: string, times: number, attempt: Attempt) => {
      const count = times * measurements;
      if (await measure(what, times, attempt))
        counter.other(`${what} shows in the time of the response`);
      else counter.rejected(count);
    };
    await judge("a hash that is wrong at its first byte, or its last", 4000, compareHashes());
    const wire = openHttp2(grpc);
    const headers = { "content-type": "application/grpc", te: "trailers" };
    const path = pathOf(PricingService.method.calculateCharge);
    await judge("a token that is wrong at its first letter, or its last", 700, async (isFirst) => {
      const token = wrongAt(trust.calculate, isFirst ? 0 : trust.calculate.length - 1);
      const authorization = `Bearer ${token}`;
      await wire.exchange({ path, headers: { ...headers, authorization }, body: Buffer.alloc(5) });
    });
    wire.close();
    // The measurement must find a comparison that ends early.
    if (!(await measure("a comparison that ends early", 4000, compareCarelessly()))) {
      counter.other("the measurement does not see a comparison that ends early");
    }
  },
});

/** Does what is measured, for the first of two kinds or for the second. */
type Attempt = (isFirst: boolean) => void | Promise<void>;

async function compare(times: number, attempt: Attempt, random: Random): Promise<number> {
  const seen: readonly [number[], number[]] = [[], []];
  for (let i = 0; i < times; i += 1) {
    const isFirst = random.oneIn(2);
    const startedAt = process.hrtime.bigint();
    await attempt(isFirst);
    seen[isFirst ? 0 : 1].push(Number(process.hrtime.bigint() - startedAt));
  }
  return welch(...seen);
}

/**
 * Compares with as many tokens as a file may have, which multiplies any difference. Both kinds of hash use
 * the same memory: two authenticators would differ by where their objects are, and in one process always in
 * the same direction.
 */
function compareHashes(): Attempt {
  const [token, first, last] = nearHashes();
  const caller = createCaller("somebody", "manage");
  const sha256 = Buffer.alloc(first.length);
  const entries = Array.from({ length: mostTokens }, () => ({ caller, sha256 }));
  const authenticator = createAuthenticator(() => entries);
  return (isFirst) => {
    sha256.set(isFirst ? first : last);
    try {
      void authenticator.authenticate(`Bearer ${token}`);
    } catch {
      // The expected error.
    }
  };
}

function compareCarelessly(): Attempt {
  const [token, first, last] = nearHashes();
  return (isFirst) => {
    const digest = createHash("sha256").update(token).digest();
    const other = isFirst ? first : last;
    for (let i = 0; i < mostTokens; i += 1) digest.every((byte, at) => byte === other[at]);
  };
}

/** Returns a token, and two hashes that differ from its own in one byte. */
function nearHashes(): readonly [string, Buffer, Buffer] {
  const token = "a-token";
  const digest = createHash("sha256").update(token).digest();
  const wrong = (at: number) => Buffer.from(digest.map((byte, i) => (i === at ? byte ^ 1 : byte)));
  return [token, wrong(0), wrong(digest.length - 1)];
}

function wrongAt(token: string, index: number): string {
  return token.slice(0, index) + (token[index] === "x" ? "y" : "x") + token.slice(index + 1);
}

const mostTokens = 1000;
const measurements = 3;
const mostByChance = 4.5;

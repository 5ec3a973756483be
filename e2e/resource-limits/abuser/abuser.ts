import { type LoadProcess, startLoad } from "../../../bench/support/load-process.js";
import type { Address } from "../../../src/config/address.js";

/** A caller in its own process that abuses the service. */
export type Abuser = LoadProcess<AbuserJob, Outcomes>;

export type AbuserJob = {
  /** The name of an abuse. */
  readonly abuse: string;
  readonly seconds: number;
  readonly target: AbusedService;
};

export type AbusedService = {
  readonly grpc: Address;
  readonly http: Address;
  /** The tokens of the abusive caller. */
  readonly tokens: Readonly<Record<"calculate" | "manage", string>>;
};

/** How often the abuser saw each outcome. */
export type Outcomes = ReadonlyMap<string, number>;

export function startAbuser(): Abuser {
  return startLoad(new URL("abuser-process.ts", import.meta.url), undefined);
}

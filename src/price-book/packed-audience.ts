import type { Audience } from "../domain/price-key.js";

/** An audience as a record has it. */
export type PackedAudience = {
  readonly kind: "everyone" | "account" | "list";
  /** The account or the price list: one character for each byte of its UTF-8. */
  readonly bytes: string;
};

export function packAudience({ accountId, priceList }: Audience): PackedAudience {
  if (accountId !== "") return { kind: "account", bytes: toBytes(accountId) };
  return priceList === "" ? packedEveryone : { kind: "list", bytes: priceList };
}

export function unpackAudience({ kind, bytes }: PackedAudience): Audience {
  return {
    accountId: kind === "account" ? Buffer.from(bytes, "latin1").toString("utf8") : "",
    priceList: kind === "list" ? bytes : "",
  };
}

export const packedEveryone: PackedAudience = { kind: "everyone", bytes: "" };

function toBytes(text: string): string {
  return isAscii.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII.
const isAscii = /^[\x00-\x7f]*$/;

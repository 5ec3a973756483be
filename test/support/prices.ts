import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Door } from "./service.js";

/** A key in the form of requests. */
export type TestKey = {
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
};

/** Registers a key's names; those known already stay. */
export async function registerNames(
  { catalog }: Pick<Door, "catalog">,
  { provider, model }: Pick<TestKey, "provider" | "model">,
): Promise<void> {
  await catalog.createProvider({ name: provider }).catch(() => {});
  await catalog.createModel({ provider, name: model }).catch(() => {});
}

let keys = 0;

/** A key that no other test has, its names registered. */
export async function freshKey(door: Pick<Door, "catalog">): Promise<TestKey> {
  keys += 1;
  const key = { chargeType: "completion", provider: "acme", model: `model-${keys}` };
  await registerNames(door, key);
  return key;
}

/** A fresh key with a price in effect since `since`, or from now on. */
export async function freshPrice(
  door: Pick<Door, "catalog" | "pricing">,
  price: string,
  since?: Date,
) {
  const key = await freshKey(door);
  const { llmPrice, bookVersion } = await door.pricing.createLLMPrice({
    ...key,
    price,
    ...(since && { effectiveFrom: timestampFromMs(since.getTime()) }),
  });
  if (llmPrice === undefined) throw new Error("CreateLLMPrice answered no price");
  return { ...llmPrice, key, bookVersion };
}

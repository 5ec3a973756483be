import { parsePublishedNumber } from "../../src/cli/rates/data/decimal-text.js";
import { argumentsOf, isList, type PlainObject } from "../../src/cli/rates/data/plain-data.js";
import { readPythonAssignment } from "../../src/cli/rates/data/python-data.js";
import { hasBucket } from "../../src/cli/rates/genai-prices/genai-rates.js";
import {
  type ConditionalPrices,
  readConditionalPrices,
  startsOf,
} from "../../src/cli/rates/genai-prices/genai-timeline.js";
import type { RateFile } from "../../src/cli/rates/rate-file.js";
import {
  checkLargest,
  checkNumbers,
  checkPairs,
  countBy,
  type Expectation,
  type ReadFile,
} from "./expectations.js";
import { genaiRates } from "./genai-prices-rates.js";

/** Checks what the file of genai-prices must become. */
export function checkGenaiPrices(read: ReadFile): void {
  const { file, text, checks } = read;
  const models = modelsOf(text);
  const priced = models.filter(({ lists }) => lists.some(({ prices }) => hasBucket(prices)));
  const dates = priced.map(({ lists }) => 1 + new Set(startsOf(lists)).size);
  const variants = models.map(({ fields }) => fields.get("price_variants")).filter(isList);
  checkNumbers(checks, [
    ["models", 2330, models.length],
    ["with a price that has a bucket", 2147, priced.length],
    ["dated prices of these", 2449, dates.reduce((sum, each) => sum + each, 0)],
    ["variants", 229, variants.flat().length],
    ["models with variants", 111, variants.length],
    ...modelCounts(file),
    ...priceCounts(text),
    ...revisionCounts(file),
  ]);
  checkLargest(
    checks,
    countBy(priced, ({ provider }) => provider),
    "openrouter 763, aws 118, novita 114, openai 110, together 95, huggingface_novita 85, " +
      "quicksilverpro 75, google 66, cloudflare 54, mistral 49",
  );
  checkPairs(read, genaiRates);
}

function modelCounts({ cards, omitted, notes }: RateFile): readonly Expectation[] {
  const of = (reason: string) => omitted.filter((each) => each.reason === reason);
  const entries = new Set(cards.map(({ entry }) => entry));
  const [whole, fields] = [undefined, "field"].map((kind) =>
    of("NO_BUCKET").filter(({ field }) => (field === undefined) === (kind === undefined)),
  );
  const nameless = of("LABEL").filter(({ entry }) => !entries.has(entry));
  const cheap = new Set(of("CACHE_WRITE_BELOW_INPUT").map(({ entry }) => entry));
  const windows = notes.filter(({ kind }) => kind === "NO_WEEKDAYS");
  const providers = countBy(cards, ({ provider }) => provider);
  return [
    ["models with an empty price", 179, of("FREE").length],
    ["by characters only", 4, whole?.length ?? 0],
    ["15 of zhipuai and 2 of minimax, converted from CNY", 17, of("CONVERTED_CURRENCY").length],
    ["labels that their own clause does not match", 85, of("LABEL").length],
    ["of them without any name, both of aws", 2, nameless.length],
    ["models with cards: 2,147, less those 17 and 2", 2147 - 17 - 2, entries.size],
    ["providers of cards: 47, less zhipuai", 46, providers.size],
    ["names", 3462, cards.length],
    ["cache writes below the input: 32, less one converted from CNY", 31, cheap.size],
    ["models with daily windows", 5, windows.length],
    ["variants of conditions that cards do not have", 2, of("CONDITION").length],
    ["fields without a bucket", 41, fields?.length ?? 0],
  ];
}

function priceCounts(text: string): readonly Expectation[] {
  const decimals = [...text.matchAll(/(\w+)=(?:TieredPrices\(\s*base=)?Decimal\('([^']+)'\)/g)];
  const flawed = decimals.filter(
    ([, , decimal = ""]) => parsePublishedNumber(decimal)?.flaw !== undefined,
  );
  const withBucket = decimals.filter(([, key = ""]) => !withoutBucket.has(key));
  return [
    ["prices in the file", 7994, decimals.length],
    ["of them with a bucket", 7939, withBucket.length],
    ["of them with 15 digits or more", 28, flawed.length],
  ];
}

const withoutBucket: ReadonlySet<string> = new Set([
  ...["storage_searches_kcount", "input_annotated_document_kpages", "input_mchars"],
  ...["input_text_messages_kcount", "output_video_mtok", "output_citation_mtok"],
]);

function revisionCounts({ cards }: RateFile): readonly Expectation[] {
  const models = new Map(cards.map((card) => [card.entry, card.revisions]));
  const revisions = [...models.values()].flat();
  const rates = revisions.flatMap(({ card }) => card?.rates ?? []);
  return [
    ["revisions of models, which variants begin too", 2559, revisions.length],
    ["rates of these, with the standard prices that variants keep", 8947, rates.length],
  ];
}

type Model = {
  readonly provider: string;
  readonly fields: PlainObject;
  readonly lists: readonly ConditionalPrices[];
};

function modelsOf(text: string): readonly Model[] {
  const providers = readPythonAssignment(text, "providers");
  return (isList(providers) ? providers : []).flatMap((each) => {
    const provider = argumentsOf(each, "Provider");
    const models = provider?.get("models");
    return (isList(models) ? models : []).flatMap((model) => {
      const fields = argumentsOf(model, "ModelInfo");
      const lists = readConditionalPrices(fields?.get("prices")) ?? [];
      const id = String(provider?.get("id"));
      return fields === undefined ? [] : [{ provider: id, fields, lists }];
    });
  });
}

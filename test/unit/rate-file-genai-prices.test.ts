import { expect } from "chai";
import {
  notesOf,
  omissionsOf,
  ratesOf,
  readExcerpt,
  readText,
  revisionsOf,
} from "../support/rate-files.js";

/** Reads a file with one model `m` of a provider: the arguments of its `ModelInfo` in Python. */
function read(fields: string, { provider = "acme", id = "m", includeFree = false } = {}) {
  const model = `ModelInfo(id='${id}', match=ClauseEquals(equals='${id}'), ${fields})`;
  return readModels([model], { provider, includeFree });
}

function readModels(models: readonly string[], { provider = "acme", includeFree = false } = {}) {
  const text = `providers: list[Provider] = [Provider(id='${provider}', models=[${models}])]\n`;
  return readText("genai-prices", text, { includeFree });
}

const from = (day: string) => `StartDateConstraint(start_date=datetime.date(${day}))`;
const daily = (start: string, end: string) =>
  `TimeOfDateConstraint(start_time=datetime.time(${start}, tzinfo=datetime.UTC), ` +
  `end_time=datetime.time(${end}, tzinfo=datetime.UTC))`;
const conditional = (prices: string, constraint = "None") =>
  `ConditionalPrice(constraint=${constraint}, prices=ModelPrice(${prices}))`;
const input = (price: string) => `input_mtok=Decimal('${price}')`;
const variant = (when: string, prices: string, constraint = "None") =>
  `PriceVariant(when=${when}, prices=ModelPrice(${prices}), constraint=${constraint})`;

describe("Rate files of genai-prices: published models", () => {
  const file = readExcerpt("genai-prices");

  it("have service tiers from the dates on which they are known: gpt-4o", () => {
    const standard = { INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10" };
    const search = { WEB_SEARCHES: "10 per 1000" };
    const priority = (tier: string) => ({
      ...{ [`INPUT ${tier}`]: "4.25", [`CACHE_READ ${tier}`]: "2.125", [`OUTPUT ${tier}`]: "17" },
      [`WEB_SEARCHES ${tier}`]: "10 per 1000",
    });
    const october12 = { ...standard, ...search, ...priority("priority"), ...priority("fast") };
    expect(revisionsOf(file, "openai/gpt-4o")).to.deep.equal([
      ["", { ...standard, ...search }],
      ["2026-10-12", october12],
      [
        "2026-10-14",
        {
          ...{ ...october12, "INPUT batch": "1.25", "OUTPUT batch": "5" },
          // What a variant does not have costs the standard.
          ...{ "CACHE_READ batch": "1.25", "WEB_SEARCHES batch": "10 per 1000" },
        },
      ],
    ]);
    expect(omissionsOf(file, "openai/gpt-4o")).to.deep.equal(["storage_searches_kcount NO_BUCKET"]);
  });

  it("have prices from dates on: gpt-5.6-luna", () => {
    const [first, second] = revisionsOf(file, "openai/gpt-5.6-luna");
    expect(first?.[0]).to.equal("");
    expect(first?.[1]).to.include({
      ...{ INPUT: "1", CACHE_READ: "0.1", CACHE_WRITE_30M: "1.25", OUTPUT: "6" },
    });
    expect(second?.[0]).to.equal("2026-07-30");
    expect(second?.[1]).to.include({ INPUT: "0.2", CACHE_READ: "0.02", CACHE_WRITE_30M: "0.25" });
  });

  it("have one price of seconds, per hour: whisper-1", () => {
    expect(ratesOf(file, "openai/whisper-1")).to.deep.equal({ SECONDS: "0.36 per 3600" });
  });

  it("have a price of an hour that is no finite decimal for a second: whisper-large-v3", () => {
    expect(revisionsOf(file, "groq/whisper-large-v3")).to.deep.equal([
      ["", { SECONDS: "0.111 per 3600" }],
      ["2026-10-14", { SECONDS: "0.111 per 3600", "SECONDS batch": "0.0555 per 3600" }],
    ]);
  });

  it("have lifetimes of cache writes, and tiers: claude-haiku-5-5", () => {
    expect(ratesOf(file, "anthropic/claude-haiku-5-5")).to.deep.equal({
      ...{ INPUT: "0.1", CACHE_READ: "0.01", CACHE_WRITE_5M: "0.125", CACHE_WRITE_1H: "0.2" },
      ...{ OUTPUT: "0.5", "INPUT >100000": "0.5", "CACHE_READ >100000": "0.05" },
      ...{ "CACHE_WRITE_5M >100000": "0.625", "CACHE_WRITE_1H >100000": "1" },
      ...{ "OUTPUT >100000": "2.5", WEB_SEARCHES: "10 per 1000" },
    });
  });

  it("have batch prices in part: gemini-2.5-pro", () => {
    const standard = {
      ...{ INPUT: "1.25", "INPUT >200000": "2.5", CACHE_READ: "0.125" },
      ...{ "CACHE_READ >200000": "0.25", OUTPUT: "10", "OUTPUT >200000": "15" },
      WEB_SEARCHES: "35 per 1000",
    };
    expect(revisionsOf(file, "google/gemini-2.5-pro")).to.deep.equal([
      ["", standard],
      [
        "2026-10-14",
        {
          ...{ ...standard, "INPUT batch": "0.625", "INPUT batch >200000": "1.25" },
          ...{ "CACHE_READ batch": "0.125", "CACHE_READ batch >200000": "0.25" },
          ...{ "OUTPUT batch": "5", "OUTPUT batch >200000": "7.5" },
          "WEB_SEARCHES batch": "35 per 1000",
        },
      ],
    ]);
  });

  it("have output of text and of images: gemini-2.5-flash-image", () => {
    expect(ratesOf(file, "google/gemini-2.5-flash-image")).to.deep.equal({
      ...{ INPUT: "0.3", OUTPUT: "2.5", OUTPUT_IMAGE: "30" },
    });
  });

  it("have tiers of xAI that begin at 200,000: grok-4.3", () => {
    expect(ratesOf(file, "x-ai/grok-4.3")).to.deep.equal({
      ...{ INPUT: "1.25", "INPUT >199999": "2.5", CACHE_READ: "0.2", "CACHE_READ >199999": "0.4" },
      ...{ OUTPUT: "2.5", "OUTPUT >199999": "5" },
    });
  });

  it("have the dates of prices and of variants: mistral-large-4", () => {
    const revisions = revisionsOf(file, "mistral/mistral-large-4");
    const textOf = (rates: Record<string, string>, tier = "") =>
      ["INPUT", "CACHE_READ", "OUTPUT"].map((bucket) => rates[`${bucket}${tier}`]).join(" ");
    expect(revisions.map(([day, rates]) => `${day} ${textOf(rates)}`)).to.deep.equal([
      ...[" 0.68 0.07 2.09", "2026-10-14 0.68 0.07 2.09", "2026-10-20 1.36 0.14 4.18"],
      "2026-10-29 0.7 0.07 2.1",
    ]);
    // Of the variants that hold, the first one applies: the file has the newest first.
    expect(revisions.slice(1).map(([, rates]) => textOf(rates, " batch"))).to.deep.equal([
      ...["0.34 0.035 1.045", "0.68 0.07 2.09", "0.35 0.035 1.05"],
    ]);
  });

  it("have a price of requests: sonar-pro", () => {
    expect(ratesOf(file, "perplexity/sonar-pro")).to.deep.equal({
      ...{ INPUT: "3", OUTPUT: "15", REQUESTS: "14 per 1000" },
    });
  });

  it("have an empty variant that costs the standard: gpt-3.5-turbo-1106 in batch", () => {
    expect(revisionsOf(file, "openai/gpt-3.5-turbo-1106")[1]).to.deep.equal([
      "2026-10-14",
      { INPUT: "1", "INPUT batch": "1", OUTPUT: "2", "OUTPUT batch": "2" },
    ]);
  });

  it("have higher rates in daily windows of the newest date only: deepseek-v4-flash", () => {
    const peak = [1, 2, 3, 4, 5, 6, 7].map((day) => `${day}:60-240 ${day}:360-600`).join(" ");
    expect(revisionsOf(file, "deepseek/deepseek-v4-flash")).to.deep.equal([
      ["", { INPUT: "0.14", CACHE_READ: "0.0028", OUTPUT: "0.28" }],
      ["2026-08-17", { INPUT: "0.22", CACHE_READ: "0.007", OUTPUT: "0.66" }],
      [
        "2026-09-10",
        {
          ...{ INPUT: "0.15", [`INPUT ${peak}`]: "0.3", CACHE_READ: "0.003" },
          ...{ [`CACHE_READ ${peak}`]: "0.006", OUTPUT: "0.6", [`OUTPUT ${peak}`]: "1.2" },
        },
      ],
    ]);
    expect(notesOf(file, "deepseek/deepseek-v4-flash")).to.include(
      "prices NO_WEEKDAYS daily windows",
    );
  });

  it("have a cache write until its price falls below the input: gemini-2.5-flash at OpenRouter", () => {
    const [first, second] = revisionsOf(file, "openrouter/google/gemini-2.5-flash");
    expect(first?.[1]).to.include({ INPUT: "0.3", CACHE_WRITE_5M: "0.3833" });
    expect(second?.[0]).to.equal("2026-10-19");
    expect(second?.[1]).to.not.have.property("CACHE_WRITE_5M");
    expect(omissionsOf(file, "openrouter/google/gemini-2.5-flash")).to.deep.equal([
      "cache_write_mtok CACHE_WRITE_BELOW_INPUT",
    ]);
  });

  it("have the names that their clauses equal or begin with, and their identifier", () => {
    const namesOf = (entry: string) =>
      file.cards.filter((card) => card.entry === entry).map(({ model }) => model);
    expect(namesOf("openai/gpt-4o")).to.deep.equal([
      ...["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20"],
    ]);
    expect(namesOf("anthropic/claude-haiku-5-5")).to.deep.equal([
      ...["claude-haiku-5-5", "claude-haiku-5-5@*", "claude-haiku-5.5*", "claude-5-5-haiku*"],
      "claude-5.5-haiku*",
    ]);
    // Its clause is a beginning and a regular expression.
    expect(namesOf("google/gemini-2.5-pro")).to.deep.equal(["gemini-2.5-pro"]);
    expect(omissionsOf(file, "google/gemini-2.5-pro")).to.deep.equal(["match NAME_PATTERN"]);
  });
});

describe("Rate files of genai-prices: prices", () => {
  const keys = {
    input_mtok: "INPUT",
    output_mtok: "OUTPUT",
    cache_read_mtok: "CACHE_READ",
    cache_write_mtok: "CACHE_WRITE_5M",
    cache_write_5m_mtok: "CACHE_WRITE_5M",
    cache_write_1h_mtok: "CACHE_WRITE_1H",
    input_audio_mtok: "INPUT_AUDIO",
    cache_audio_read_mtok: "CACHE_READ_AUDIO",
    output_audio_mtok: "OUTPUT_AUDIO",
    input_image_mtok: "INPUT_IMAGE",
    cache_image_read_mtok: "CACHE_READ_IMAGE",
    output_image_mtok: "OUTPUT_IMAGE",
    input_video_mtok: "INPUT_VIDEO",
    output_reasoning_mtok: "REASONING",
  };
  for (const [key, bucket] of Object.entries(keys)) {
    it(`are ${bucket} for a million: ${key}`, () => {
      const file = read(`prices=ModelPrice(${key}=Decimal('1.25'))`);
      expect(ratesOf(file, "acme/m")).to.deep.equal({ [bucket]: "1.25" });
    });
  }

  const units = {
    web_searches_kcount: ["WEB_SEARCHES", 1000],
    requests_kcount: ["REQUESTS", 1000],
    input_document_kpages: ["PAGES", 1000],
    audio_hours: ["SECONDS", 3600],
    input_audio_hours: ["SECONDS", 3600],
  } as const;
  for (const [key, [bucket, per]] of Object.entries(units)) {
    it(`are ${bucket} for ${per}: ${key}`, () => {
      const file = read(`prices=ModelPrice(${key}=Decimal('1.25'))`);
      expect(ratesOf(file, "acme/m")).to.deep.equal({ [bucket]: `1.25 per ${per}` });
    });
  }

  for (const key of [
    "storage_searches_kcount",
    "input_annotated_document_kpages",
    "input_mchars",
    "input_text_messages_kcount",
    "output_video_mtok",
    "output_citation_mtok",
  ]) {
    it(`have no bucket: ${key}`, () => {
      const alone = read(`prices=ModelPrice(${key}=Decimal('1'))`);
      expect(omissionsOf(alone, "acme/m")).to.deep.equal(["NO_BUCKET"]);
      expect(alone.cards).to.deep.equal([]);
      const beside = read(`prices=ModelPrice(${input("3")}, ${key}=Decimal('1'))`);
      expect(omissionsOf(beside, "acme/m")).to.deep.equal([`${key} NO_BUCKET`]);
      expect(ratesOf(beside, "acme/m")).to.deep.equal({ INPUT: "3" });
    });
  }

  it("of seconds that differ in two fields are ambiguous", () => {
    const hours = (second: string) =>
      read(`prices=ModelPrice(audio_hours=Decimal('1'), input_audio_hours=Decimal('${second}'))`);
    expect(ratesOf(hours("1"), "acme/m")).to.deep.equal({ SECONDS: "1 per 3600" });
    expect(hours("2").cards).to.deep.equal([]);
    expect(omissionsOf(hours("2"), "acme/m")).to.deep.equal([
      "SECONDS standard AMBIGUOUS",
      "NO_PRICE",
    ]);
  });

  it("of cache writes are of 30 minutes for models of OpenAI", () => {
    const prices = "prices=ModelPrice(cache_write_mtok=Decimal('1'))";
    expect(ratesOf(read(prices, { id: "gpt-6-sol" }), "acme/gpt-6-sol")).to.deep.equal({
      CACHE_WRITE_30M: "1",
    });
  });

  it("have tiers above sizes of the input", () => {
    const tiers = "Tier(start=524288, price=Decimal('3')), Tier(start=199999, price=Decimal('2'))";
    const tiered = `TieredPrices(base=Decimal('1'), tiers=[${tiers}])`;
    expect(ratesOf(read(`prices=ModelPrice(input_mtok=${tiered})`), "acme/m")).to.deep.equal({
      ...{ INPUT: "1", "INPUT >199999": "2", "INPUT >524288": "3" },
    });
  });

  it("lose tiers that begin nowhere", () => {
    const tiered = (start: string) =>
      `TieredPrices(base=Decimal('1'), tiers=[Tier(start=${start}, price=Decimal('2'))])`;
    const lost = (start: string) => {
      const file = read(`prices=ModelPrice(input_mtok=${tiered(start)})`);
      expect(ratesOf(file, "acme/m")).to.deep.equal({ INPUT: "1" });
      return omissionsOf(file, "acme/m");
    };
    expect(lost("0")).to.deep.equal(["input_mtok CONDITION"]);
    expect(lost("-1")).to.deep.equal(["input_mtok CONDITION"]);
    expect(lost("1.5")).to.deep.equal(["input_mtok MALFORMED"]);
  });

  it("that are empty are left out, or are 0 on request", () => {
    expect(omissionsOf(read("prices=ModelPrice()"), "acme/m")).to.deep.equal(["FREE"]);
    const free = read("prices=ModelPrice()", { includeFree: true });
    expect(ratesOf(free, "acme/m")).to.deep.equal({ INPUT: "0", OUTPUT: "0" });
  });

  it("are left out if they are no decimals", () => {
    const file = read(`prices=ModelPrice(${input("3")}, output_mtok=1.5, cache_read_mtok=None)`);
    expect(ratesOf(file, "acme/m")).to.deep.equal({ INPUT: "3" });
    expect(omissionsOf(file, "acme/m")).to.deep.equal(["output_mtok MALFORMED"]);
    expect(omissionsOf(read("prices=Decimal('3')"), "acme/m")).to.deep.equal(["prices MALFORMED"]);
  });

  it("of Zhipu and of old models of MiniMax are converted from CNY, and left out", () => {
    const prices = `prices=ModelPrice(${input("3")})`;
    for (const [provider, id] of [
      ["zhipuai", "GLM-5.3"],
      ["minimax", "MiniMax-M2"],
    ] as const) {
      const file = read(prices, { provider, id });
      expect(file.cards).to.deep.equal([]);
      expect(omissionsOf(file, `${provider}/${id}`)).to.deep.equal(["CONVERTED_CURRENCY"]);
    }
    expect(read(prices, { provider: "minimax", id: "minimax-m3" }).cards).to.have.length(1);
  });
});

describe("Rate files of genai-prices: time", () => {
  it("has prices of which the last one that holds applies", () => {
    const list = [
      conditional(input("1")),
      conditional(input("3"), from("2026, 3, 1")),
      conditional(input("2"), from("2026, 2, 1")),
    ];
    // From the first of March on both later prices hold, and the last one in the file applies.
    expect(revisionsOf(read(`prices=[${list}]`), "acme/m")).to.deep.equal([
      ["", { INPUT: "1" }],
      ["2026-02-01", { INPUT: "2" }],
    ]);
  });

  it("has the first price before any other one holds", () => {
    const list = [
      conditional(input("1"), from("2026, 2, 1")),
      conditional(input("2"), from("2026, 3, 1")),
    ];
    expect(revisionsOf(read(`prices=[${list}]`), "acme/m")).to.deep.equal([
      ["", { INPUT: "1" }],
      ["2026-03-01", { INPUT: "2" }],
    ]);
  });

  it("has future prices as revisions too", () => {
    const list = [conditional(input("2")), conditional(input("4"), from("2099, 12, 31"))];
    expect(revisionsOf(read(`prices=[${list}]`), "acme/m")[1]).to.deep.equal([
      ...["2099-12-31", { INPUT: "4" }],
    ]);
  });

  it("has windows over midnight, and none of a window that ends when it starts", () => {
    const list = [
      conditional(input("1")),
      conditional(input("2"), daily("23, 0", "0, 30")),
      conditional(input("9"), daily("12, 0", "12, 0")),
    ];
    const hours = [1, 2, 3, 4, 5, 6, 7].map((day) => `${day}:0-30 ${day}:1380-1440`).join(" ");
    expect(ratesOf(read(`prices=[${list}]`), "acme/m")).to.deep.equal({
      ...{ INPUT: "1", [`INPUT ${hours}`]: "2" },
    });
  });

  it("has no window that a later price of the list hides", () => {
    const list = [
      conditional(input("1")),
      conditional(input("2"), daily("1, 0", "2, 0")),
      conditional(input("3"), from("2026, 2, 1")),
    ];
    expect(revisionsOf(read(`prices=[${list}]`), "acme/m")).to.deep.equal([
      ["", { INPUT: "1" }],
      ["2026-02-01", { INPUT: "3" }],
    ]);
  });

  for (const constraint of [
    from("2026, 2, 30"),
    from("2026, 13, 1"),
    from("26, 1, 1"),
    daily("24, 0", "1, 0"),
    "Constraint()",
  ]) {
    it(`leaves out a model with the constraint ${constraint}`, () => {
      const list = [conditional(input("1")), conditional(input("2"), constraint)];
      expect(omissionsOf(read(`prices=[${list}]`), "acme/m")).to.deep.equal(["prices MALFORMED"]);
    });
  }
});

describe("Rate files of genai-prices: variants", () => {
  const prices = `prices=ModelPrice(${input("2")}, output_mtok=Decimal('4'))`;
  const withVariants = (...variants: string[]) =>
    read(`${prices}, price_variants=[${variants.join(", ")}]`);

  for (const [when, tier] of [
    ["{'processing': 'batch'}", "batch"],
    ["{'service_tier': 'priority'}", "priority"],
    ["{'service_tier': 'fast'}", "fast"],
    ["{'service_tier': 'flex'}", "flex"],
    ["{'speed': 'fast'}", "fast"],
  ] as const) {
    it(`are the service tier ${tier}: ${when}`, () => {
      expect(ratesOf(withVariants(variant(when, input("1"))), "acme/m")).to.deep.equal({
        ...{ INPUT: "2", OUTPUT: "4", [`INPUT ${tier}`]: "1", [`OUTPUT ${tier}`]: "4" },
      });
    });
  }

  for (const when of [
    "{'route': 'mistral/eu'}",
    "{'search_type': 'fast'}",
    "{'processing': 'batch', 'speed': 'fast'}",
    "{'service_tier': 'default'}",
  ]) {
    it(`are left out under a condition that cards do not have: ${when}`, () => {
      const file = withVariants(variant(when, input("1")));
      expect(ratesOf(file, "acme/m")).to.deep.equal({ INPUT: "2", OUTPUT: "4" });
      expect(omissionsOf(file, "acme/m")).to.deep.equal(["price_variants CONDITION"]);
      expect(omissionsOf(withVariants(variant(when, "")), "acme/m")).to.deep.equal([]);
    });
  }

  it("apply the first one to each price, at their dates", () => {
    const batch = "{'processing': 'batch'}";
    const file = withVariants(
      variant(batch, input("0.5"), from("2026, 3, 1")),
      variant(batch, `${input("1")}, output_mtok=Decimal('2')`, from("2026, 2, 1")),
    );
    const standard = { INPUT: "2", OUTPUT: "4" };
    expect(revisionsOf(file, "acme/m")).to.deep.equal([
      ["", standard],
      ["2026-02-01", { ...standard, "INPUT batch": "1", "OUTPUT batch": "2" }],
      ["2026-03-01", { ...standard, "INPUT batch": "0.5", "OUTPUT batch": "2" }],
    ]);
  });
});

describe("Rate files of genai-prices: names", () => {
  const named = (id: string, match: string) => `ModelInfo(id='${id}', match=${match}, ${prices})`;
  const prices = `prices=ModelPrice(${input("1")})`;
  const namesOf = (...models: string[]) => readModels(models).cards.map(({ model }) => model);

  it("are an identifier only if its own clause matches it", () => {
    expect(namesOf(named("m", "ClauseEquals(equals='accounts/m')"))).to.deep.equal(["accounts/m"]);
    expect(namesOf(named("M-1", "ClauseContains(contains='m-1')"))).to.deep.equal(["M-1"]);
    expect(namesOf(named("m-1", "ClauseEndsWith(ends_with='1')"))).to.deep.equal(["m-1"]);
    const file = readModels([named("regional.m", "ClauseContains(contains='us.m')")]);
    expect(file.cards).to.deep.equal([]);
    expect(omissionsOf(file, "acme/regional.m")).to.deep.equal([
      ...["id LABEL", "match NAME_PATTERN"],
    ]);
  });

  it("are reported if they are patterns", () => {
    const clauses = [
      ...["ClauseContains(contains='a')", "ClauseEndsWith(ends_with='b')"],
      ...["ClauseRegex(regex='^c')", "ClauseOr(or_=[ClauseStartsWith(starts_with='d')])"],
      "ClauseAnd(and_=[ClauseStartsWith(starts_with='e'), ClauseRegex(regex='f')])",
    ];
    const file = readModels([named("a", `ClauseOr(or_=[${clauses}])`)]);
    expect(file.cards.map(({ model }) => model)).to.deep.equal(["a", "d*"]);
    expect(file.omitted.map(({ detail }) => detail)).to.deep.equal([
      ...["contains a", "ends_with b", "regex ^c", "starts with e and regex f"],
    ]);
  });

  it("are those of the first model that has them", () => {
    const file = readModels([
      named("a", "ClauseEquals(equals='a')"),
      named("b", "ClauseOr(or_=[ClauseEquals(equals='b'), ClauseEquals(equals='a')])"),
    ]);
    expect(file.cards.map(({ entry, model }) => `${entry} ${model}`)).to.deep.equal([
      ...["acme/a a", "acme/b b"],
    ]);
  });

  it("are left out if keys cannot have them", () => {
    const file = readModels([named("a  b", "ClauseEquals(equals='a*')")]);
    expect(file.cards).to.deep.equal([]);
    expect(omissionsOf(file, "acme/a  b")).to.deep.equal(["id LABEL", "match INVALID_NAME"]);
    const provider = readModels([named("a", "ClauseEquals(equals='a')")], { provider: "ACME" });
    expect(omissionsOf(provider, "ACME/a")).to.include("match INVALID_NAME");
  });
});

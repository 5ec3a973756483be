import { expect } from "chai";
import {
  notesOf,
  omissionsOf,
  ratesOf,
  readExcerpt,
  readText,
  revisionsOf,
} from "../support/rate-files.js";

type Fields = Record<string, unknown>;

/** Reads a file with these entries. A text such as `#1.25e-06` is a number with this text. */
function read(entries: Record<string, Fields>, includeFree = false) {
  const withProvider = Object.entries(entries).map(([key, fields]) => [
    key,
    { litellm_provider: "openai", ...fields },
  ]);
  const json = JSON.stringify(Object.fromEntries(withProvider));
  return readText("litellm", json.replace(/"#([^"]+)"/g, "$1"), { includeFree });
}

const tokens = { input_cost_per_token: "#1e-06", output_cost_per_token: "#2e-06" };
const searches = (low: number, medium: number, high: number) => ({
  search_context_cost_per_query: {
    search_context_size_low: low,
    search_context_size_medium: medium,
    search_context_size_high: high,
  },
});

describe("Rate files of LiteLLM: published entries", () => {
  const file = readExcerpt("litellm");
  /** The rates without those of regions and of `fast`, which are written out from others. */
  const plainRatesOf = (entry: string) =>
    Object.fromEntries(
      Object.entries(ratesOf(file, entry)).filter(([key]) => !/ (us|eu|fedramp|fast)\b/.test(key)),
    );

  it("have standard, batch and priority rates, and no cache read in batch: gpt-4o", () => {
    expect(plainRatesOf("gpt-4o")).to.deep.equal({
      ...{ INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10" },
      ...{ "INPUT batch": "1.25", "OUTPUT batch": "5" },
      ...{ "INPUT priority": "4.25", "CACHE_READ priority": "2.125", "OUTPUT priority": "17" },
    });
  });

  it("have no rate above 272,000 in a service tier that has none: gpt-5.5", () => {
    const rates = plainRatesOf("gpt-5.5");
    expect(rates).to.include({ INPUT: "5", CACHE_READ: "0.5", OUTPUT: "30" });
    expect(rates).to.include({
      ...{ "INPUT >272000": "10", "CACHE_READ >272000": "1", "OUTPUT >272000": "45" },
    });
    const priority = Object.entries(rates).filter(([key]) => key.includes("priority"));
    expect(Object.fromEntries(priority)).to.deep.equal({
      ...{ "INPUT priority": "12.5", "CACHE_READ priority": "1.25", "OUTPUT priority": "75" },
    });
    expect(notesOf(file, "gpt-5.5")).to.include(
      "input_cost_per_token_priority NO_RATE_ABOVE INPUT priority >272000",
    );
  });

  it("have lifetimes of cache writes, tiers, and a region's multiplier: claude-haiku-5-5", () => {
    const rates = ratesOf(file, "claude-haiku-5-5");
    expect(rates).to.include({
      ...{ INPUT: "0.1", CACHE_READ: "0.01", CACHE_WRITE_5M: "0.125", CACHE_WRITE_1H: "0.2" },
      ...{ OUTPUT: "0.5", "INPUT >100000": "0.5", "CACHE_READ >100000": "0.05" },
      ...{ "CACHE_WRITE_5M >100000": "0.625", "CACHE_WRITE_1H >100000": "1" },
      ...{ "OUTPUT >100000": "2.5", "INPUT us": "0.11", "CACHE_READ us": "0.011" },
      ...{ "CACHE_WRITE_1H us >100000": "1.1", "OUTPUT us >100000": "2.75" },
      ...{ "INPUT batch us >100000": "0.275", WEB_SEARCHES: "0.01 per 1" },
    });
    expect(rates).to.not.have.any.keys("WEB_SEARCHES us", "CACHE_WRITE_1H batch");
  });

  it("have tiers in every service tier: gemini-2.5-pro", () => {
    expect(ratesOf(file, "gemini/gemini-2.5-pro")).to.deep.equal({
      ...{ INPUT: "1.25", "INPUT >200000": "2.5", CACHE_READ: "0.125" },
      ...{ "CACHE_READ >200000": "0.25", OUTPUT: "10", "OUTPUT >200000": "15" },
      ...{ "INPUT batch": "0.625", "INPUT batch >200000": "1.25", "CACHE_READ batch": "0.125" },
      ...{ "CACHE_READ batch >200000": "0.25", "OUTPUT batch": "5", "OUTPUT batch >200000": "7.5" },
      ...{ "INPUT flex": "0.625", "INPUT flex >200000": "1.25", "CACHE_READ flex": "0.125" },
      ...{ "CACHE_READ flex >200000": "0.25", "OUTPUT flex": "5", "OUTPUT flex >200000": "7.5" },
      ...{ "INPUT priority": "2.25", "INPUT priority >200000": "4.5" },
      ...{ "CACHE_READ priority": "0.225", "CACHE_READ priority >200000": "0.45" },
      ...{ "OUTPUT priority": "18", "OUTPUT priority >200000": "27", WEB_SEARCHES: "0.035 per 1" },
    });
  });

  it("have tiers of xAI that begin at 200,000: grok-4.3", () => {
    expect(ratesOf(file, "xai/grok-4.3")).to.deep.equal({
      ...{ INPUT: "1.25", "INPUT >199999": "2.5", CACHE_READ: "0.2", "CACHE_READ >199999": "0.4" },
      ...{ OUTPUT: "2.5", "OUTPUT >199999": "5", INPUT_IMAGE: "1.25" },
      ...{ "INPUT batch": "1", "INPUT batch >199999": "2", "CACHE_READ batch": "0.16" },
      ...{ "CACHE_READ batch >199999": "0.32", "OUTPUT batch": "2", "OUTPUT batch >199999": "4" },
    });
    expect(notesOf(file, "xai/grok-4.3")).to.deep.equal([
      "input_cost_per_image_token NO_RATE_ABOVE INPUT_IMAGE >199999",
    ]);
  });

  it("have tiers in a list, and reasoning that costs more: qwen-plus-latest", () => {
    expect(ratesOf(file, "dashscope/qwen-plus-latest")).to.deep.equal({
      ...{ INPUT: "0.4", OUTPUT: "1.2", REASONING: "4" },
      ...{ "INPUT >256000": "1.2", "OUTPUT >256000": "3.6", "REASONING >256000": "12" },
    });
  });

  it("have the rates of a Bedrock model with a region in its name: Sonnet 4.5", () => {
    expect(ratesOf(file, "us.anthropic.claude-sonnet-4-5-20250929-v1:0")).to.deep.equal({
      ...{ INPUT: "3.3", CACHE_READ: "0.33", CACHE_WRITE_5M: "4.125", CACHE_WRITE_1H: "6.6" },
      ...{ OUTPUT: "16.5", "INPUT >200000": "6.6", "CACHE_READ >200000": "0.66" },
      ...{ "CACHE_WRITE_5M >200000": "8.25", "CACHE_WRITE_1H >200000": "13.2" },
      ...{ "OUTPUT >200000": "24.75", "INPUT batch": "1.65", "OUTPUT batch": "8.25" },
      WEB_SEARCHES: "0.01 per 1",
    });
  });

  it("lose the noise of floats, which is noted: 1.6000000000000001e-06", () => {
    const entry = "novita/deepseek/deepseek-v4-pro";
    expect(ratesOf(file, entry)).to.deep.equal({
      INPUT: "1.6",
      CACHE_READ: "0.135",
      OUTPUT: "3.2",
    });
    expect(notesOf(file, entry)).to.include(
      "input_cost_per_token FLOAT_NOISE 1.6000000000000001e-06",
    );
  });

  it("have rates of image tokens, and none of output that has no price: gpt-image-1", () => {
    expect(ratesOf(file, "gpt-image-1")).to.deep.equal({
      ...{ INPUT: "5", CACHE_READ: "1.25", INPUT_IMAGE: "10", CACHE_READ_IMAGE: "2.5" },
      ...{ OUTPUT_IMAGE: "40", "INPUT batch": "2.5", "CACHE_READ batch": "0.63" },
      "INPUT_IMAGE batch": "5",
    });
  });

  it("have rates of pages: mistral-ocr-latest", () => {
    const entry = "mistral/mistral-ocr-latest";
    expect(ratesOf(file, entry)).to.deep.equal({
      ...{ PAGES: "0.004 per 1", "PAGES batch": "0.002 per 1" },
    });
    expect(omissionsOf(file, entry)).to.include("annotation_cost_per_page NO_BUCKET");
  });

  it("have one rate of seconds, not one of input and one of output: whisper-1", () => {
    expect(ratesOf(file, "whisper-1")).to.deep.equal({ SECONDS: "0.0001 per 1" });
  });

  it("have lower rates in off-peak windows, and the flat ones else: deepseek-v4-pro", () => {
    const hours = [1, 2, 3, 4, 5].map((day) => `${day}:0-60 ${day}:240-360 ${day}:600-1440`);
    const offPeak = [...hours, "6:0-1440", "7:0-1440"].join(" ");
    expect(ratesOf(file, "deepseek/deepseek-v4-pro")).to.deep.equal({
      ...{ INPUT: "1.32", [`INPUT ${offPeak}`]: "0.66", CACHE_READ: "0.044" },
      ...{ [`CACHE_READ ${offPeak}`]: "0.022", OUTPUT: "3.96", [`OUTPUT ${offPeak}`]: "1.98" },
    });
    // The weekday is that of Shanghai, where it changes at 16:00 UTC. All of that is off-peak.
    const shanghai = Object.keys(ratesOf(file, "tencent/deepseek-v4.1-flash"))[1];
    expect(shanghai).to.equal(`INPUT ${offPeak}`);
  });

  it("have the rates of a region, at any size of the input if it states none: bedrock_mantle", () => {
    expect(ratesOf(file, "bedrock_mantle/openai.gpt-5.4")).to.deep.equal({
      ...{ INPUT: "2.75", "INPUT >272000": "5.5", "INPUT us-gov-west-1": "3.3" },
      ...{ "INPUT us-gov-west-1 >272000": "3.3", CACHE_READ: "0.275" },
      ...{ "CACHE_READ >272000": "0.55", "CACHE_READ us-gov-west-1": "0.33" },
      ...{ "CACHE_READ us-gov-west-1 >272000": "0.33", OUTPUT: "16.5", "OUTPUT >272000": "24.75" },
      ...{ "OUTPUT us-gov-west-1": "19.8", "OUTPUT us-gov-west-1 >272000": "19.8" },
      ...{ WEB_SEARCHES: "0.012 per 1", "WEB_SEARCHES us-gov-west-1": "0.0144 per 1" },
    });
  });

  it("have the higher rates of Vertex AI in any region but global", () => {
    const rates = ratesOf(file, "vertex_ai/claude-opus-4-8");
    expect(rates).to.include({
      ...{ INPUT: "5.5", "INPUT global": "5", CACHE_WRITE_1H: "11", "CACHE_WRITE_1H global": "10" },
      ...{ "OUTPUT batch": "13.75", "OUTPUT batch global": "12.5", WEB_SEARCHES: "0.01 per 1" },
    });
    expect(rates).to.not.have.property("WEB_SEARCHES global");
    expect(notesOf(file, "vertex_ai/claude-opus-4-8")).to.include(
      "regional_endpoint_uplift_multiplier GLOBAL_IS_CHEAPER 1.1",
    );
  });

  it("have a fast speed that doubles the rates of tokens, in regions too: claude-opus-4-8", () => {
    expect(ratesOf(file, "claude-opus-4-8")).to.include({
      ...{ INPUT: "5", "INPUT fast": "10", "INPUT us": "5.5", "INPUT fast us": "11" },
      ...{ "CACHE_WRITE_1H fast": "20", "OUTPUT fast": "50", "WEB_SEARCHES fast": "0.01 per 1" },
    });
  });

  it("end at the date of deprecation, and have no other date", () => {
    const days = revisionsOf(file, "gpt-4o").map(([day, rates]) => [
      day,
      Object.keys(rates).length,
    ]);
    expect(days).to.have.length(2);
    expect(days[1]).to.deep.equal(["2027-01-14", 0]);
    expect(revisionsOf(file, "xai/grok-4.3").map(([day]) => day)).to.deep.equal([""]);
  });

  it("say where they were published, and are in US dollars", () => {
    const card = file.cards.find(({ entry }) => entry === "gpt-4o")?.revisions[0]?.card;
    expect(card?.source).to.equal("litellm model_prices_and_context_window: gpt-4o");
    expect(card?.currencyCode).to.equal("USD");
  });

  it("lose rates of audio above 200,000 where those of text do not change: gemini-2.5-flash", () => {
    expect(ratesOf(file, "gemini-2.5-flash")).to.include({ INPUT: "0.3", INPUT_AUDIO: "1" });
    expect(Object.keys(ratesOf(file, "gemini-2.5-flash")).join()).to.not.contain(">");
    expect(file.omitted).to.deep.include({
      ...{ entry: "gemini-2.5-flash", field: "input_cost_per_audio_token_above_200k_tokens" },
      ...{ reason: "TIER_WITHOUT_INPUT", detail: "0.3, below 1" },
    });
    expect(notesOf(file, "gemini-2.5-flash")).to.include.members([
      "search_context_cost_per_query SEARCH_PER_PROMPT no unit",
      "search_free_requests FREE_QUOTA count 1500, period day, shared_group gemini-2-flash",
    ]);
  });
});

describe("Rate files of LiteLLM: fields", () => {
  const bucketOf = (field: string, key = "m", price = 0.000002) =>
    Object.keys(ratesOf(read({ [key]: { litellm_provider: "x", [field]: price } }), key)).join();

  const fields = {
    input_cost_per_token: "INPUT",
    output_cost_per_token: "OUTPUT",
    cache_read_input_token_cost: "CACHE_READ",
    cache_creation_input_token_cost: "CACHE_WRITE_5M",
    cache_creation_input_token_cost_above_1hr: "CACHE_WRITE_1H",
    cache_creation_input_token_cost_above_12hr: "CACHE_WRITE_12H",
    output_cost_per_reasoning_token: "REASONING",
    input_cost_per_audio_token: "INPUT_AUDIO",
    cache_read_input_audio_token_cost: "CACHE_READ_AUDIO",
    output_cost_per_audio_token: "OUTPUT_AUDIO",
    input_cost_per_image_token: "INPUT_IMAGE",
    cache_read_input_image_token_cost: "CACHE_READ_IMAGE",
    output_cost_per_image_token: "OUTPUT_IMAGE",
    input_cost_per_video_token: "INPUT_VIDEO",
    input_cost_per_request: "REQUESTS",
    ocr_cost_per_page: "PAGES",
    input_cost_per_second: "SECONDS",
    output_cost_per_second: "SECONDS",
    output_cost_per_video_per_second: "SECONDS",
    input_cost_per_token_batches: "INPUT batch",
    input_cost_per_token_priority: "INPUT priority",
    input_cost_per_token_flex: "INPUT flex",
    input_cost_per_token_balanced: "INPUT balanced",
    input_cost_per_token_ultrafast: "INPUT ultrafast",
    input_cost_per_token_decisions: "INPUT decisions",
    input_cost_per_token_above_200k_tokens: "INPUT >200000",
    cache_creation_input_token_cost_above_1hr_above_200k_tokens_batches:
      "CACHE_WRITE_1H batch >200000",
  };
  for (const [field, bucket] of Object.entries(fields)) {
    it(`have the bucket ${bucket}: ${field}`, () => {
      expect(bucketOf(field)).to.equal(bucket);
    });
  }

  for (const field of [
    "input_cost_per_token_above_1hr",
    "xinput_cost_per_token",
    "input_cost_per_token_cache_hit",
    "input_cost_per_token_batches_above_200k_tokens",
    "input_cost_per_character",
    "input_cost_per_query",
    "output_cost_per_image",
  ]) {
    it(`have no bucket: ${field}`, () => {
      const file = read({ alone: { [field]: 0.01 }, beside: { ...tokens, [field]: 0.01 } });
      expect(omissionsOf(file, "alone")).to.deep.equal(["NO_BUCKET"]);
      const reason = field.includes("image") ? "ALTERNATIVE_UNIT" : "NO_BUCKET";
      expect(omissionsOf(file, "beside")).to.deep.equal([`${field} ${reason}`]);
      expect(ratesOf(file, "beside")).to.deep.equal({ INPUT: "1", OUTPUT: "2" });
    });
  }

  it("have a cache write of 30 minutes for models of OpenAI, by any provider", () => {
    const write = "cache_creation_input_token_cost";
    for (const key of ["gpt-6-sol", "azure/gpt-6-sol", "us.openai.gpt-6-sol", "openai/o3"])
      expect(bucketOf(write, key), key).to.equal("CACHE_WRITE_30M");
    for (const key of ["claude-opus-5", "azure_ai/claude-opus-5", "groq/openai/gpt-oss-120b"])
      expect(bucketOf(write, key), key).to.equal("CACHE_WRITE_5M");
  });

  it("have a price of searches only if it is one", () => {
    const file = read({
      one: { ...tokens, ...searches(0.01, 0.01, 0.01) },
      three: { ...tokens, ...searches(0.005, 0.008, 0.012) },
    });
    expect(ratesOf(file, "one")).to.include({ WEB_SEARCHES: "0.01 per 1" });
    expect(ratesOf(file, "three")).to.not.have.property("WEB_SEARCHES");
    expect(omissionsOf(file, "three")).to.deep.equal([
      "search_context_cost_per_query SEVERAL_VALUES",
    ]);
  });

  it("have a price of seconds only without prices of tokens, and if it is one", () => {
    const file = read({
      beside: { ...tokens, input_cost_per_second: 0.0001 },
      two: { input_cost_per_second: 0.0001, output_cost_per_second: 0.0002 },
      zero: { input_cost_per_second: 0, output_cost_per_second: 0.0002 },
      sizes: { output_cost_per_second: 0.1, output_cost_per_second_1080p: 0.2 },
    });
    expect(omissionsOf(file, "beside")).to.deep.equal(["input_cost_per_second ALTERNATIVE_UNIT"]);
    expect(omissionsOf(file, "two")).to.deep.equal(["NO_BUCKET"]);
    expect(ratesOf(file, "zero")).to.deep.equal({ SECONDS: "0.0002 per 1" });
    expect(omissionsOf(file, "sizes")).to.deep.equal(["NO_BUCKET"]);
  });

  it("have no price of reasoning that is that of output under all conditions", () => {
    const reasoning = (rate: string) => ({ output_cost_per_reasoning_token: rate });
    const tier = { output_cost_per_token_above_200k_tokens: "#4e-06" };
    const file = read({
      equal: { ...tokens, ...reasoning("#2e-06") },
      lower: { ...tokens, ...reasoning("#1.5e-06") },
      tiered: {
        ...{ ...tokens, ...tier, ...reasoning("#2e-06") },
        output_cost_per_reasoning_token_above_200k_tokens: "#5e-06",
      },
    });
    expect(ratesOf(file, "equal")).to.not.have.property("REASONING");
    expect(ratesOf(file, "lower")).to.include({ REASONING: "1.5" });
    expect(ratesOf(file, "tiered")).to.include({ REASONING: "2", "REASONING >200000": "5" });
  });

  it("have no cache write of 0 or below the input under the same conditions", () => {
    const write = "cache_creation_input_token_cost";
    const file = read({
      zero: { ...tokens, [write]: 0 },
      below: { ...tokens, [write]: "#9.99e-07" },
      equal: { ...tokens, [write]: "#1e-06" },
      tier: {
        ...{ ...tokens, [write]: "#1e-06", input_cost_per_token_above_200k_tokens: "#2e-06" },
        [`${write}_above_200k_tokens`]: "#1.5e-06",
      },
    });
    expect(omissionsOf(file, "zero")).to.deep.equal([`${write} CACHE_WRITE_BELOW_INPUT`]);
    expect(file.omitted).to.deep.include({
      ...{ entry: "below", field: write, reason: "CACHE_WRITE_BELOW_INPUT" },
      detail: "0.999, input 1",
    });
    expect(ratesOf(file, "equal")).to.include({ CACHE_WRITE_5M: "1" });
    expect(ratesOf(file, "tier")).to.include({ CACHE_WRITE_5M: "1" });
    expect(omissionsOf(file, "tier")).to.deep.equal([
      `${write}_above_200k_tokens CACHE_WRITE_BELOW_INPUT`,
    ]);
  });

  it("are noted: cache reads above the input, fractions, and prices converted from DBU", () => {
    const file = read({
      m: {
        ...{ ...tokens, cache_read_input_token_cost: "#1.5e-06" },
        input_cost_per_audio_token: "#1.1428571428571428e-06",
        input_dbu_cost_per_token: "#4.2857e-05",
      },
    });
    expect(notesOf(file, "m")).to.have.members([
      "cache_read_input_token_cost CACHE_READ_ABOVE_INPUT 1.5",
      "input_cost_per_audio_token FRACTION 1.1428571428571428e-06",
      "input_dbu_cost_per_token CONVERTED_UNIT 4.2857e-05",
    ]);
    expect(ratesOf(file, "m")).to.include({ INPUT_AUDIO: "1.14285714285714" });
  });

  it("are left out if they are no rates", () => {
    const file = read({
      m: {
        ...{ ...tokens, cache_read_input_token_cost: "free" },
        ...{ input_cost_per_audio_token: -0.000001, output_cost_per_audio_token: "#1e7" },
        ...{ input_cost_per_video_token: "#1e-25", deprecation_date: "soon" },
      },
    });
    expect(omissionsOf(file, "m")).to.have.members([
      "cache_read_input_token_cost MALFORMED",
      "input_cost_per_audio_token OUT_OF_RANGE",
      "output_cost_per_audio_token OUT_OF_RANGE",
      "input_cost_per_video_token OUT_OF_RANGE",
      "deprecation_date MALFORMED",
    ]);
  });
});

describe("Rate files of LiteLLM: tiers and windows", () => {
  it("have tiers in a list, which replace the flat prices", () => {
    const tier = (start: unknown, price: string) => ({
      ...{ range: [start, "#9e9"], input_cost_per_token: price },
    });
    const file = read({
      m: {
        ...{ input_cost_per_token: "#9e-06", input_cost_per_token_batches: "#5e-07" },
        tiered_pricing: [tier(0, "#1e-06"), tier("#32000.0", "#2e-06"), tier(128000, "#3e-06")],
      },
    });
    expect(ratesOf(file, "m")).to.deep.equal({
      ...{ INPUT: "1", "INPUT >32000": "2", "INPUT >128000": "3", "INPUT batch": "0.5" },
    });
  });

  it("leave out the flat prices beside tiers of another kind", () => {
    const tiered_pricing = [{ max_results_range: [0, 25], input_cost_per_query: 0.005 }];
    const file = read({ search: { tiered_pricing }, m: { ...tokens, tiered_pricing } });
    expect(omissionsOf(file, "search")).to.deep.equal(["NO_BUCKET"]);
    expect(omissionsOf(file, "m")).to.deep.equal(["NO_BUCKET"]);
  });

  it("have windows of every day", () => {
    const off_peak_pricing = { hours_utc: "22:30-01:00", input_cost_per_token: "#5e-07" };
    const rates = ratesOf(read({ m: { ...tokens, off_peak_pricing } }), "m");
    const hours = [1, 2, 3, 4, 5, 6, 7].map((day) => `${day}:0-60 ${day}:1350-1440`).join(" ");
    expect(rates).to.deep.equal({ INPUT: "1", [`INPUT ${hours}`]: "0.5", OUTPUT: "2" });
  });

  it("have windows whose weekday is that of Shanghai, 8 hours ahead of UTC", () => {
    const off_peak_pricing = {
      ...{ weekday_timezone: "Asia/Shanghai", input_cost_per_token: "#5e-07" },
      windows: [{ hours_utc: "00:00-00:00", weekdays: [1] }],
    };
    const rates = ratesOf(read({ m: { ...tokens, off_peak_pricing } }), "m");
    expect(Object.keys(rates)).to.include("INPUT 1:0-960 7:960-1440");
  });

  for (const [what, windows] of Object.entries({
    "a clock that changes twice a year": { weekday_timezone: "Europe/Berlin", windows: [] },
    "no windows": {},
    "windows that are no times": { hours_utc: "early" },
    "an hour that no day has": { hours_utc: "10:00-24:00" },
    "a weekday that no week has": { windows: [{ hours_utc: "10:00-11:00", weekdays: [8] }] },
  })) {
    it(`leave out an entry with ${what}`, () => {
      const off_peak_pricing = { ...windows, input_cost_per_token: "#5e-07" };
      const file = read({ m: { ...tokens, off_peak_pricing } });
      expect(omissionsOf(file, "m")).to.deep.equal(["CONDITION"]);
      expect(file.cards).to.deep.equal([]);
    });
  }
});

describe("Rate files of LiteLLM: entries", () => {
  const nameOf = (key: string, litellm_provider: string) => {
    const [card] = read({ [key]: { ...tokens, litellm_provider } }).cards;
    return card && `${card.provider} ${card.model}`;
  };

  it("have the provider of their field, and the model of their key", () => {
    for (const [key, provider, name] of [
      ["gemini-3-pro", "vertex_ai-language-models", "vertex_ai gemini-3-pro"],
      ["vertex_ai/claude-opus-5", "vertex_ai-anthropic_models", "vertex_ai claude-opus-5"],
      ["gemini/gemini-3-pro", "gemini", "gemini gemini-3-pro"],
      ["us.anthropic.claude-opus-5", "bedrock_converse", "bedrock us.anthropic.claude-opus-5"],
      ["bedrock_mantle/openai.gpt-6", "bedrock_mantle", "bedrock_mantle openai.gpt-6"],
      ["command-r", "cohere_chat", "cohere command-r"],
      ["azure/davinci", "azure_text", "azure davinci"],
      ["davinci-002", "text-completion-openai", "openai davinci-002"],
      ["text-completion-codestral/x", "text-completion-codestral", "codestral x"],
      ["fireworks_ai/nomic", "fireworks_ai-embedding-models", "fireworks_ai nomic"],
      ["amazon-nova/nova-pro-v1", "amazon_nova", "amazon_nova amazon-nova/nova-pro-v1"],
      ["openrouter/openai/gpt-6", "openrouter", "openrouter openai/gpt-6"],
    ] as const)
      expect(nameOf(key, provider), key).to.equal(name);
  });

  it("of regions are one card with the entry without a region", () => {
    const azure = (rate: string) => ({ litellm_provider: "azure", input_cost_per_token: rate });
    const file = read({
      "azure/eu/gpt-6": azure("#1.1e-06"),
      "azure/gpt-6": azure("#1e-06"),
      "azure/us/gpt-6": azure("#1.2e-06"),
      "azure/us-gov/gpt-6": azure("#1.3e-06"),
      "azure/apac/gpt-6": azure("#1.4e-06"),
      "azure/global/gpt-6": azure("#1.5e-06"),
      "azure/global-standard/gpt-6": azure("#1.6e-06"),
    });
    expect(file.cards).to.have.length(1);
    expect(ratesOf(file, "azure/gpt-6")).to.deep.equal({
      ...{ INPUT: "1", "INPUT eu": "1.1", "INPUT us": "1.2", "INPUT us-gov": "1.3" },
      ...{ "INPUT apac": "1.4", "INPUT global": "1.5", "INPUT global-standard": "1.6" },
    });
    expect(file.cards[0]?.revisions[0]?.card?.source).to.equal(
      "litellm model_prices_and_context_window: azure/gpt-6 and 6 more",
    );
  });

  it("of a region alone are a card with rates of that region only", () => {
    const key = "bedrock/us-gov-west-1/anthropic.claude-3-haiku-20240307-v1:0";
    const file = read({ [key]: { litellm_provider: "bedrock", ...tokens } });
    expect(file.cards[0]).to.include({ model: "anthropic.claude-3-haiku-20240307-v1:0" });
    expect(ratesOf(file, key)).to.deep.equal({
      ...{ "INPUT us-gov-west-1": "1", "OUTPUT us-gov-west-1": "2" },
    });
  });

  it("of regions that lack rates are noted: those of any region hold there", () => {
    const file = read({
      "azure/m": { litellm_provider: "azure", ...tokens, input_cost_per_token_flex: "#5e-07" },
      "azure/eu/m": { litellm_provider: "azure", ...tokens },
    });
    expect(notesOf(file, "azure/eu/m")).to.deep.equal(["region REGION_INCOMPLETE eu: INPUT flex"]);
  });

  it("lose a service tier that would be ambiguous: a region has it for small inputs only", () => {
    const priority = { litellm_provider: "azure", input_cost_per_token_priority: "#2e-06" };
    const large = "input_cost_per_token_above_272k_tokens";
    const file = read({
      "azure/m": { ...tokens, ...priority, [large]: "#2e-06", [`${large}_priority`]: "#4e-06" },
      "azure/eu/m": { ...tokens, ...priority, [large]: "#2e-06" },
    });
    expect(ratesOf(file, "azure/m")).to.deep.equal({
      ...{ INPUT: "1", "INPUT >272000": "2", "INPUT eu": "1", "INPUT eu >272000": "2" },
      ...{ OUTPUT: "2", "OUTPUT eu": "2" },
    });
    expect(omissionsOf(file, "azure/m")).to.deep.equal(["INPUT priority AMBIGUOUS"]);
  });

  it("of one model are merged, and keep no rate that differs", () => {
    const vertex = { litellm_provider: "vertex_ai" };
    const file = read({
      "gemini-x": { ...vertex, ...tokens, input_cost_per_token_batches: "#5e-07" },
      "vertex_ai/gemini-x": {
        ...{ ...vertex, ...tokens, output_cost_per_image_token: "#3e-05" },
        input_cost_per_token_batches: "#6e-07",
      },
    });
    expect(file.cards).to.have.length(1);
    expect(ratesOf(file, "gemini-x")).to.deep.equal({
      ...{ INPUT: "1", OUTPUT: "2", OUTPUT_IMAGE: "30" },
    });
    expect(file.omitted).to.deep.equal([
      {
        ...{ entry: "vertex_ai/gemini-x", reason: "SEVERAL_VALUES", field: "INPUT batch" },
        detail: "0.6, and 0.5 in gemini-x",
      },
    ]);
  });

  it("have multipliers that are written out for the regions of OpenAI", () => {
    const file = read({
      "gpt-6": {
        ...{ ...tokens, ...searches(0.01, 0.01, 0.01), input_cost_per_token_priority: "#2e-06" },
        ...{ regional_processing_uplift_multiplier_eu: 1.1, fedramp_uplift_multiplier: 1.25 },
      },
    });
    expect(ratesOf(file, "gpt-6")).to.deep.equal({
      ...{ INPUT: "1", "INPUT eu": "1.1", "INPUT fedramp": "1.25", OUTPUT: "2" },
      ...{ "OUTPUT eu": "2.2", "OUTPUT fedramp": "2.5", WEB_SEARCHES: "0.01 per 1" },
      ...{ "INPUT priority": "2", "INPUT priority eu": "2.2", "INPUT priority fedramp": "2.5" },
      // Of OpenAI's models, `fast` is another name of `priority`.
      ...{ "INPUT fast": "2", "INPUT fast eu": "2.2", "INPUT fast fedramp": "2.5" },
    });
  });

  it("end when all entries of a model have ended", () => {
    const vertex = (day?: string) => ({
      ...{ litellm_provider: "vertex_ai", ...tokens },
      ...(day === undefined ? {} : { deprecation_date: day }),
    });
    const daysOf = (first?: string, second?: string) => {
      const file = read({ "gemini-x": vertex(first), "vertex_ai/gemini-x": vertex(second) });
      return revisionsOf(file, "gemini-x").map(([day]) => day);
    };
    expect(daysOf("2026-01-31", "2025-10-01")).to.deep.equal(["", "2026-01-31"]);
    expect(daysOf("2026-01-31")).to.deep.equal([""]);
  });

  for (const [reason, key, fields] of [
    ["ALIAS", "claude-latest", { alias_of: "claude-opus-5", ...tokens }],
    ["NO_MODEL", "sample_spec", tokens],
    ["NO_MODEL", "fallback_generalizations", { rules: [] }],
    ["NO_MODEL", "bedrock/*/1-month-commitment/cohere.command", { input_cost_per_second: 1 }],
    ["NO_MODEL", "together-ai-4.1b-8b", tokens],
    ["NO_MODEL", "fireworks-ai-default", tokens],
    ["NO_MODEL", "azure_ai/model_router", tokens],
    ["NO_PRICE", "m", { max_tokens: 5 }],
    ["FREE", "m", { input_cost_per_token: 0, output_cost_per_token: "#0.0" }],
    ["NO_BUCKET", "m", { output_cost_per_image: 0.04, input_cost_per_token: 0 }],
    ["CONVERTED_CURRENCY", "volcengine/doubao", { litellm_provider: "volcengine", ...tokens }],
    ["CONVERTED_CURRENCY", "bigmodel/glm-5.3", { litellm_provider: "bigmodel", ...tokens }],
    ["INVALID_NAME", "a model ", tokens],
    ["INVALID_NAME", "gpt-*", tokens],
    ["INVALID_NAME", "m", { litellm_provider: "Open AI", ...tokens }],
    ["INVALID_NAME", "m", { litellm_provider: "p".repeat(64), ...tokens }],
  ] as const) {
    it(`are left out: ${reason} ${key} ${JSON.stringify(fields).slice(0, 60)}`, () => {
      const file = read({ [key]: fields, other: tokens });
      expect(omissionsOf(file, key)).to.deep.equal([reason]);
      expect(file.cards.map(({ entry }) => entry)).to.deep.equal(["other"]);
    });
  }

  it("keep a price of 0 beside prices above 0", () => {
    const file = read({ m: { input_cost_per_token: "#1e-06", output_cost_per_token: 0 } });
    expect(ratesOf(file, "m")).to.deep.equal({ INPUT: "1", OUTPUT: "0" });
  });

  it("are read with prices of 0 on request, cache writes too", () => {
    const zero = { input_cost_per_token: 0, output_cost_per_token: 0 };
    const file = read({ m: { ...zero, cache_creation_input_token_cost: 0 } }, true);
    expect(ratesOf(file, "m")).to.deep.equal({ INPUT: "0", CACHE_WRITE_5M: "0", OUTPUT: "0" });
  });
});

import { expect } from "chai";
import fc from "fast-check";
import { findAmbiguousRates } from "../../src/cli/rates/cards/ambiguous-rates.js";
import { isOpenAiModel } from "../../src/cli/rates/cards/openai-models.js";
import { toWeeklyHours } from "../../src/cli/rates/cards/weekly-hours.js";
import { isRateValue, parsePublishedNumber } from "../../src/cli/rates/data/decimal-text.js";
import { parsePythonString } from "../../src/cli/rates/data/python-string.js";
import { Decimal } from "../../src/domain/decimal.js";
import type { Rate, WeeklyHours } from "../../src/domain/rate-card.js";
import { holds } from "../support/properties.js";

describe("Published numbers", () => {
  const read = (text: string, places = 0) => {
    const number = parsePublishedNumber(text, places);
    return number && [number.value.toFixed(), number.flaw];
  };

  it("are shifted exactly", () => {
    expect(read("1.25e-06", 6)).to.deep.equal(["1.25", undefined]);
    expect(read("2E-7", 6)).to.deep.equal(["0.2", undefined]);
    expect(read("0.0006", 6)).to.deep.equal(["600", undefined]);
    expect(read("1.3e-10", 6)).to.deep.equal(["0.00013", undefined]);
    expect(read("0.00003083")).to.deep.equal(["0.00003083", undefined]);
    expect(read("0.10")).to.deep.equal(["0.1", undefined]);
  });

  it("of 15 digits or more are rounded to 15, which removes the noise of floats", () => {
    expect(read("1.6000000000000001e-06", 6)).to.deep.equal(["1.6", "FLOAT_NOISE"]);
    expect(read("0.19999999999999998")).to.deep.equal(["0.2", "FLOAT_NOISE"]);
    expect(read("0.024999999999999998")).to.deep.equal(["0.025", "FLOAT_NOISE"]);
  });

  it("that are fractions keep 15 digits", () => {
    expect(read("1.1428571428571428e-06", 6)).to.deep.equal(["1.14285714285714", "FRACTION"]);
    expect(read("0.0833333333333333")).to.deep.equal(["0.0833333333333333", "FRACTION"]);
    // 14 digits are somebody's price.
    expect(read("0.12345678901234")).to.deep.equal(["0.12345678901234", undefined]);
  });

  it("with noise are the price that was meant, for every price of at most 6 digits", () => {
    const price = fc.tuple(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: 0, max: 9 }));
    const divisor = fc.integer({ min: 1, max: 1000 });
    holds(1000, fc.tuple(price, divisor), ([[digits, scale], factor]) => {
      const meant = new Decimal(digits).div(new Decimal(10).pow(scale));
      // A float calculation that cancels itself out, up to its noise.
      const noisy = String((meant.toNumber() * factor) / factor);
      expect(parsePublishedNumber(noisy)?.value.toFixed()).to.equal(meant.toFixed());
    });
  });

  it("are no other texts", () => {
    for (const text of ["", "1,5", "0x10", "NaN", "Infinity", "1e", ".5", "1e9999", "1 ", "+1"])
      expect(read(text), text).to.equal(undefined);
    expect(read("1".repeat(101))).to.equal(undefined);
  });

  it("are rates from 0 to below 10^12, with at most 18 fraction digits", () => {
    const isRate = (text: string) => isRateValue(new Decimal(text));
    expect(["0", "999999999999.999", "1e-18"].map(isRate)).to.deep.equal([true, true, true]);
    expect(["-1e-18", "1e12", "1e-19"].map(isRate)).to.deep.equal([false, false, false]);
  });
});

describe("Ambiguous rates", () => {
  const base: Rate = {
    ...{ bucket: "INPUT", rate: new Decimal(1), per: 1_000_000, serviceTier: "standard" },
    ...{ region: "", inputAbove: undefined, hours: [] },
  };
  const morning: WeeklyHours = { weekday: 1, startMinute: 60, endMinute: 240 };
  const late: WeeklyHours = { weekday: 1, startMinute: 240, endMinute: 300 };
  const isAmbiguous = (...changes: readonly Partial<Rate>[]) =>
    findAmbiguousRates(changes.map((change) => ({ ...base, ...change }))).size > 0;
  const [eu, large, hours] = [{ region: "eu" }, { inputAbove: 200_000 }, { hours: [morning] }];

  it("are two under the same conditions", () => {
    expect(isAmbiguous({}, {})).to.equal(true);
    expect(isAmbiguous({}, { bucket: "OUTPUT" })).to.equal(false);
    expect(isAmbiguous({}, { serviceTier: "batch" })).to.equal(false);
  });

  it("are two under two kinds of conditions, without one under both", () => {
    for (const [a, b] of [
      [eu, large],
      [eu, hours],
      [large, hours],
    ] as const) {
      expect(isAmbiguous({}, a, b)).to.equal(true);
      expect(isAmbiguous({}, a, b, { ...a, ...b })).to.equal(false);
    }
  });

  it("are no rates of other regions or sizes, and none of separate windows", () => {
    expect(isAmbiguous({}, eu, { region: "us" })).to.equal(false);
    expect(isAmbiguous({}, large, { inputAbove: 32_000 })).to.equal(false);
    expect(isAmbiguous({}, hours, { hours: [late] })).to.equal(false);
    expect(isAmbiguous({}, hours, { hours: [{ ...late, startMinute: 239 }] })).to.equal(true);
  });

  it("are exactly those of which some request has no most special one", () => {
    const anyRate = fc.record({
      region: fc.constantFrom("", "eu", "us"),
      inputAbove: fc.constantFrom(undefined, 10, 20),
      hours: fc.constantFrom<readonly WeeklyHours[]>([], [morning], [late]),
    });
    const isBelow = (a: Rate, b: Rate) =>
      (b.region === "" || a.region === b.region) &&
      (a.inputAbove ?? -1) >= (b.inputAbove ?? -1) &&
      (b.hours.length === 0 || a.hours[0] === b.hours[0]);
    holds(500, fc.array(anyRate, { minLength: 1, maxLength: 8 }), (changes) => {
      const rates: Rate[] = changes.map((change) => ({ ...base, ...change }));
      const requests = ["", "eu", "us"].flatMap((region) =>
        [5, 15, 25].flatMap((input) => [0, 100, 250].map((minute) => ({ region, input, minute }))),
      );
      const expected = requests.some(({ region, input, minute }) => {
        const found = rates.filter(
          (rate) =>
            (rate.region === "" || rate.region === region) &&
            input > (rate.inputAbove ?? -1) &&
            (rate.hours.length === 0 ||
              rate.hours.some((each) => minute >= each.startMinute && minute < each.endMinute)),
        );
        const special = found.filter((a) => found.every((b) => isBelow(a, b)));
        return found.length > 0 && special.length !== 1;
      });
      expect(findAmbiguousRates(rates).size > 0).to.equal(expected);
    });
  });
});

describe("Weekly hours", () => {
  it("join windows that touch, and cut windows at midnight", () => {
    const weekdays = new Set([1]);
    const windows = [
      { start: 0, end: 60, weekdays },
      { start: 60, end: 120, weekdays },
      { start: 1380, end: 30, weekdays },
    ];
    expect(toWeeklyHours(windows)).to.deep.equal([
      { weekday: 1, startMinute: 0, endMinute: 120 },
      { weekday: 1, startMinute: 1380, endMinute: 1440 },
    ]);
  });

  it("are none without windows", () => {
    expect(toWeeklyHours([])).to.deep.equal([]);
  });
});

describe("Models of OpenAI", () => {
  it("are known by their names at any provider", () => {
    for (const name of [
      ...["gpt-4o", "azure/gpt-6", "openai.gpt-5.6-sol", "global.openai.gpt-6-astra", "o3-mini"],
      ...["openai/o4-mini", "chatgpt-4o-latest", "ft:gpt-4o-2024-11-20", "databricks-gpt-5"],
      ...["~openai/gpt-luna-latest", "gpt-daybreak-red-latest"],
    ])
      expect(isOpenAiModel(name), name).to.equal(true);
    for (const name of ["claude-opus-5", "gpt-oss-120b", "openai/gpt-oss-20b", "o5", "gemini-3"])
      expect(isOpenAiModel(name), name).to.equal(false);
  });
});

describe("Strings of Python", () => {
  it("have escapes", () => {
    expect(parsePythonString("'a\\'b\\\\d\\n'")).to.equal("a'b\\d\n");
    expect(parsePythonString('"""a"b"""')).to.equal('a"b');
    expect(parsePythonString("'\\x41\\u00e9\\U0001f600'")).to.equal("Aé😀");
    expect(parsePythonString("''")).to.equal("");
  });

  it("are none with a prefix, or with another escape", () => {
    for (const literal of ["b'a'", "r'\\d'", "'\\d'", "'\\U00110000'", "a", "'"])
      expect(parsePythonString(literal), literal).to.equal(undefined);
  });
});

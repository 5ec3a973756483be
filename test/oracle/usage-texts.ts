import fc from "fast-check";

const digits = (maxLength: number, minLength = 1) =>
  fc.string({ unit: fc.constantFrom(..."00123456789"), minLength, maxLength });

const anyWhole = fc.oneof(digits(6), digits(20, 17));
const anyFraction = fc.oneof(
  fc.constant(""),
  digits(22, 0).map((text) => `.${text}`),
);

/** Texts that clients may send: usages, usages with too many digits, and texts without a number. */
export const anyUsageText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom("", "", "", "0", "00", "-"), anyWhole, anyFraction)
      .map((parts) => parts.join("")),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(digits(110), digits(9))
      .map(([zeros, rest]) => zeros.replaceAll(/./g, "0") + rest),
  },
  {
    weight: 3,
    arbitrary: fc.string({ unit: fc.constantFrom(..."01.-+e ０\n"), maxLength: 6 }),
  },
);

/** A usage's text and its value in units of 10^-18. */
export const readUsages: readonly (readonly [string, bigint])[] = [
  ["0", 0n],
  ["-0", 0n],
  ["-0.000", 0n],
  ["0001.5", 15n * 10n ** 17n],
  ["0.000000000000000001", 1n],
  ["1.500000000", 15n * 10n ** 17n],
  ["1.0000000000000000000000", 10n ** 18n],
  ["0000000000000000000000000012", 12n * 10n ** 18n],
  ["999999999999999999.999999999999999999", 10n ** 36n - 1n],
];

export const rejectedUsages: readonly string[] = [
  ...["", " ", " 1", "1 ", "1\n", "+1", "-1", "-0.000000001", "1e3", "1E3", "0x1", "1n"],
  ...["1.", ".5", ".", "1.2.3", "1,5", "1_000", "NaN", "Infinity", "０", "١"],
  ...["1.0000000000000000001", "1000000000000000000", "0".repeat(101)],
];

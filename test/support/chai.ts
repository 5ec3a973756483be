import { isDeepStrictEqual } from "node:util";
import { config, use } from "chai";

// Without proxies, which only report misspelled names, as the type checker does.
config.useProxy = false;

// Chai's own comparison takes several times as long. It decides, and describes the difference, where Node's
// finds one.
use(({ Assertion }, { flag }) => {
  Assertion.overwriteMethod("equal", (compare: (...values: unknown[]) => void) => {
    return function (this: object, ...values: unknown[]) {
      const isEqual = () => isDeepStrictEqual(flag(this, "object"), values[0]);
      if (flag(this, "deep") && !flag(this, "negate") && isEqual()) return;
      compare.apply(this, values);
    };
  });
});

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Keeps amounts of the service exact, and shows what does not. Prints the charge. */
class Decimals {
  private static final String TEXT =
      "987654321098666665690.1123455691099966679122345671233366543210987651";

  public static void main(String[] args) {
    // region parse
    // TEXT is the account_charge of a response.
    var charge = new BigDecimal(TEXT);
    equal(charge.toPlainString(), TEXT);
    equal(charge.add(charge).subtract(charge).toPlainString(), TEXT);
    equal(charge.multiply(new BigDecimal(2)).subtract(charge).toPlainString(), TEXT);

    // toPlainString() writes plain notation, as the service expects it. toString() does not always.
    equal(new BigDecimal("0.0000001").toPlainString(), "0.0000001");
    equal(new BigDecimal("0.0000001").toString(), "1E-7");

    // Round outright: setScale without a mode fails instead of rounding.
    equal(new BigDecimal("1.005").setScale(2, RoundingMode.HALF_EVEN).toPlainString(), "1.00");
    // endregion

    // region traps
    // A MathContext counts all digits, not those after the point. DECIMAL128 has 34.
    equal(
        charge.multiply(BigDecimal.ONE, MathContext.DECIMAL128).toPlainString(),
        "987654321098666665690.1123455691100");

    // A double, and a BigDecimal made from one.
    equal(String.valueOf(Double.parseDouble(TEXT)), "9.876543210986667E20");
    equal(
        new BigDecimal(0.1).toPlainString(),
        "0.1000000000000000055511151231257827021181583404541015625");

    // equals() compares the number of fraction digits too: use compareTo.
    equal(new BigDecimal("1.0").equals(new BigDecimal("1.00")), false);
    equal(new BigDecimal("1.0").compareTo(new BigDecimal("1.00")), 0);

    // A division that does not end fails. Give it a scale and a mode.
    try {
      BigDecimal.ONE.divide(new BigDecimal(3));
      throw new AssertionError("not reached");
    } catch (ArithmeticException expected) {
      equal(
          BigDecimal.ONE.divide(new BigDecimal(3), 18, RoundingMode.HALF_EVEN).toPlainString(),
          "0.333333333333333333");
    }
    // endregion

    System.out.println(charge.toPlainString());
  }

  private static void equal(Object seen, Object expected) {
    if (!seen.equals(expected)) throw new AssertionError("expected " + expected + ", seen " + seen);
  }
}

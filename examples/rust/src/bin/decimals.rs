//! Keeps amounts of the service exact, and shows what does not. Prints the charge.

use bigdecimal::BigDecimal;
use rust_decimal::{Decimal, RoundingStrategy};

const TEXT: &str = "987654321098666665690.1123455691099966679122345671233366543210987651";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // region parse
    // TEXT is the account_charge of a response.
    let charge: BigDecimal = TEXT.parse()?;
    assert_eq!(charge.to_plain_string(), TEXT);
    assert_eq!((&charge + &charge - &charge).to_plain_string(), TEXT);

    // The service expects plain notation. to_string() does not always write it.
    let tiny: BigDecimal = "0.0000001".parse()?;
    assert_eq!(tiny.to_plain_string(), "0.0000001");
    assert_eq!(tiny.to_string(), "1E-7");
    // endregion

    // region traps
    // rust_decimal has 96 bits, which is 28 digits. parse rounds without an error.
    let rounded: Decimal = TEXT.parse()?;
    assert_eq!(rounded.to_string(), "987654321098666665690.1123456");
    assert!(Decimal::from_str_exact(TEXT).is_err());
    // A format with a precision cuts digits off. round_dp_with_strategy rounds.
    let amount = Decimal::from_str_exact("1.999")?;
    assert_eq!(format!("{amount:.2}"), "1.99");
    let rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
    assert_eq!(rounded.to_string(), "2.00");

    // f64.
    let number: f64 = TEXT.parse()?;
    assert_eq!(number.to_string(), "987654321098666700000");
    // endregion

    println!("{}", charge.to_plain_string());
    Ok(())
}

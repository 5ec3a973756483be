import assert from "node:assert/strict";
import { Decimal } from "decimal.js";

// Keeps amounts of the service exact with decimal.js, and shows what does not. Prints the charge.
const text = "987654321098666665690.1123455691099966679122345671233366543210987651";

// region parse
// `text` is the account_charge of a response. Without a precision decimal.js rounds to 20 digits.
const Exact = Decimal.clone({ precision: 200 });
const charge = new Exact(text);
assert.equal(charge.toFixed(), text);
assert.equal(charge.plus(charge).minus(charge).toFixed(), text);

// toFixed() writes plain notation, as the service expects it. toString() does not always.
assert.equal(new Exact("0.0000001").toFixed(), "0.0000001");
assert.equal(new Exact("0.0000001").toString(), "1e-7");

// JSON has the digits of a string, and loses those of a number.
assert.equal(JSON.parse(`{"accountCharge":"${text}"}`).accountCharge, text);
assert.equal(JSON.parse(`{"accountCharge":${text}}`).accountCharge, 987654321098666700000);
// endregion

// region traps
// Numbers.
assert.equal(Number(text), 987654321098666700000);
assert.equal(0.1 + 0.2, 0.30000000000000004);
assert.equal(Number("1.005").toFixed(2), "1.00");
assert.equal(new Exact("1.005").toFixed(2), "1.01");

// decimal.js with its default precision: the first operation rounds.
assert.equal(new Decimal(text).toFixed(), text);
assert.equal(new Decimal(text).times(1).toFixed(), "987654321098666665690");
// A Decimal made from a number is the number.
assert.equal(new Exact(0.1 + 0.2).toFixed(), "0.30000000000000004");
// endregion

console.log(charge.toFixed());

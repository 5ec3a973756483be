// Keeps amounts of the service exact, and shows what does not. Prints the charge.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"strconv"

	govalues "github.com/govalues/decimal"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"
)

const text = "987654321098666665690.1123455691099966679122345671233366543210987651"

func main() {
	// region parse
	// text is the account_charge of a response.
	charge, err := decimal.NewFromString(text)
	if err != nil {
		log.Fatal(err)
	}
	equal(charge.String(), text)
	equal(charge.Add(charge).Sub(charge).String(), text)
	equal(charge.Mul(decimal.NewFromInt(2)).Sub(charge).String(), text)

	// In JSON it is a string, unless decimal.MarshalJSONWithoutQuotes is set.
	written, err := json.Marshal(charge)
	if err != nil {
		log.Fatal(err)
	}
	equal(string(written), strconv.Quote(text))

	// Without a package: a big.Rat is exact, also after a division.
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		log.Fatal("not a decimal")
	}
	equal(exact.FloatString(46), text)
	// endregion

	// region traps
	// A division of shopspring/decimal has 16 fraction digits. Multiply first, or use a big.Rat.
	equal(decimal.NewFromInt(1).Div(decimal.NewFromInt(3)).String(), "0.3333333333333333")

	// govalues/decimal has 19 digits, and rounds without an error.
	equal(govalues.MustParse("0.1234567890123456789").String(), "0.1234567890123456789")
	equal(govalues.MustParse("1.1234567890123456789").String(), "1.123456789012345679")

	// pgtype.Numeric of pgx keeps all digits, but writes a JSON number, which the service rejects.
	var numeric pgtype.Numeric
	if err := numeric.Scan("0.12345678901234567890"); err != nil {
		log.Fatal(err)
	}
	asJSON, err := json.Marshal(numeric)
	if err != nil {
		log.Fatal(err)
	}
	equal(string(asJSON), "0.12345678901234567890")

	// float64, and big.Float, which has 64 bits if none are set.
	number, _ := strconv.ParseFloat(text, 64)
	equal(strconv.FormatFloat(number, 'f', -1, 64), "987654321098666700000")
	float, _ := new(big.Float).SetString(text)
	equal(float.Text('f', 5), "987654321098666665664.00000")

	// JSON numbers in a map or an interface. Our JSON has strings.
	var message map[string]any
	json.Unmarshal([]byte(`{"cost": 0.12345678901234567890}`), &message)
	equal(fmt.Sprint(message["cost"]), "0.12345678901234568")
	// endregion

	fmt.Println(charge)
}

func equal(seen, expected string) {
	if seen != expected {
		log.Fatalf("expected %s\nseen     %s", expected, seen)
	}
}

"""Keeps amounts of the service exact, and shows what does not. Prints the charge."""

import decimal
import io
import json
import sqlite3
import threading
from decimal import Decimal

import duckdb
import pandas

text = "987654321098666665690.1123455691099966679122345671233366543210987651"

# region parse
# `text` is the account_charge of a response. The default precision of 28 digits rounds results.
# DefaultContext is for threads that start later, setcontext for this one.
decimal.DefaultContext.prec = 80
decimal.setcontext(decimal.Context(prec=80))

charge = Decimal(text)
assert format(charge, "f") == text
assert format(charge + charge - charge, "f") == text

# format(…, "f") writes plain notation, as the service expects it. str() does not always.
assert format(Decimal("0.0000001"), "f") == "0.0000001"
assert str(Decimal("0.0000001")) == "1E-7"

# An error instead of a silent rounding.
with decimal.localcontext() as context:
    context.prec = 28
    context.traps[decimal.Inexact] = True
    try:
        charge * 1
        raise AssertionError("not reached")
    except decimal.Inexact:
        pass
# endregion

# region traps
# The default context.
with decimal.localcontext(decimal.Context(prec=28)):
    assert format(charge * 1, "f") == "987654321098666665690.1123456"

# A context of one thread is not that of another.
seen = []
decimal.getcontext().prec = 90
thread = threading.Thread(target=lambda: seen.append(decimal.getcontext().prec))
thread.start()
thread.join()
assert seen == [80]

# Floats, and decimals made from them.
assert float(text) == 9.876543210986667e20
assert Decimal(0.1) != Decimal("0.1")

# JSON numbers. Our JSON has strings; for other JSON use parse_float.
assert json.loads('{"cost": 0.12345678901234567890}')["cost"] == 0.12345678901234568
cost = json.loads('{"cost": 0.12345678901234567890}', parse_float=Decimal)["cost"]
assert cost == Decimal("0.12345678901234567890")

# SQLite has no decimals: a column DECIMAL holds a double. TEXT holds every digit.
database = sqlite3.connect(":memory:")
database.execute("create table charges (as_decimal decimal(67, 46), as_text text)")
database.execute("insert into charges values (?, ?)", (text, text))
row = database.execute("select as_decimal, as_text from charges").fetchone()
assert row == (9.876543210986667e20, text)

# pandas reads doubles, from CSV and from the strings of JSON, unless it is given dtype=str.
csv = "account_charge\n0.1234567890123456789\n"
assert pandas.read_csv(io.StringIO(csv))["account_charge"][0] == 0.1234567890123456
strings = pandas.read_csv(io.StringIO(csv), dtype=str)["account_charge"]
assert strings.map(Decimal).sum() == Decimal("0.1234567890123456789")
records = '[{"accountCharge": "0.1234567890123456789"}]'
assert pandas.read_json(io.StringIO(records))["accountCharge"][0] == 0.12345678901234568
strings = pandas.read_json(io.StringIO(records), dtype=str)["accountCharge"]
assert strings.map(Decimal).sum() == Decimal("0.1234567890123456789")

# DuckDB: DECIMAL without digits is DECIMAL(18, 3). The widest is DECIMAL(38, s).
cut = duckdb.sql("select '0.12345'::decimal, '0.12345'::decimal(38, 17)").fetchone()
assert cut == (Decimal("0.123"), Decimal("0.12345"))
# endregion

print(format(charge, "f"))

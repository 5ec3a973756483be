#!/usr/bin/env bash
# genai-prices 0.2.3 rates a past call with a window of the day that the provider introduced later
#
# The good guess: the package has dated prices, and takes the time of a call. So a call of the past costs what
#   the provider charged then.
# What happens: a price that depends on the time of the day has no date of its own, and is looked at first.
#   DeepSeek introduced its peak hours in August 2026. A call of the first of May at 02:00 UTC costs the peak
#   price of August: 0.30 for a million input tokens of deepseek-v4-flash, and 0.14 half an hour before.
# Why it matters for pricing: a bill that is calculated again is another one, and only for calls of some hours.
#   Import such a window for the newest dated price only.
#
# Seen with: genai-prices 0.2.3, Python 3.11.7. Output:
#   2026-05-01 00:30 UTC: 0.14
#   2026-05-01 02:00 UTC: 0.3
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check genai-prices==0.2.3

cat > check.py <<'PY'
import platform
import sys
from datetime import datetime, timezone

from genai_prices import Usage, calc_price


def price(hour, minute):
    at = datetime(2026, 5, 1, hour, minute, tzinfo=timezone.utc)
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    found = calc_price(
        usage,
        model_ref="deepseek-v4-flash",
        provider_id="deepseek",
        genai_request_timestamp=at,
    ).total_price
    print(f"{at:%Y-%m-%d %H:%M} UTC: {found.normalize():f}")
    return str(found.normalize())


print(f"Python {platform.python_version()}")
seen = [price(0, 30), price(2, 0)]
if seen == ["0.14", "0.3"]:
    print("As stated: a window without a date changes the past.")
else:
    print("Changed: the package has other prices for this day.")
    sys.exit(1)
PY
env/bin/python check.py

#!/usr/bin/env bash
# LiteLLM 1.110.2: a priority call of gpt-5.5 costs less with one more token
#
# The good guess: a library that knows service tiers and long contexts charges a long priority call at least as
#   much as a shorter one, or reports that it has no price for it.
# What happens: the published rates of the priority tier end at 272,000 input tokens. Above, the library takes
#   the rates of the standard tier, without a sign: 272,000 tokens cost 3.40, and 272,001 cost 2.72001.
# Why it matters for pricing: the cost of the largest calls is a guess, and a lower one. A rate that is missing
#   must be an error that names the tier and the bucket.
#
# Seen with: litellm 1.110.2, Python 3.11.7. Output:
#   272000 tokens: 3.40000
#   272001 tokens: 2.72001
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check litellm==1.110.2

cat > check.py <<'PY'
import os
import platform
import sys

# The price file of the package, not the one on the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
from litellm import cost_per_token


def price(tokens):
    cost, _ = cost_per_token(
        model="gpt-5.5", prompt_tokens=tokens, completion_tokens=0, service_tier="priority"
    )
    print(f"{tokens} tokens: {cost:.5f}")
    return f"{cost:.5f}"


print(f"Python {platform.python_version()}")
seen = [price(272_000), price(272_001)]
if seen == ["3.40000", "2.72001"]:
    print("As stated: one more token makes the call cheaper.")
else:
    print("Changed: the library has other prices.")
    sys.exit(1)
PY
env/bin/python check.py

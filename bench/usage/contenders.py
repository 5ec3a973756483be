"""Prints the processor time of a calculation with each library that is installed, as JSON.

The first argument is the provider's answer as JSON. The libraries calculate from an object that has been
read before, so that reading is not counted.
"""

import json
import os
import sys
import time

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
answer = json.loads(sys.argv[1])


def litellm():
    from litellm import completion_cost
    from litellm.types.utils import ModelResponse

    response = ModelResponse(**answer)
    return lambda: completion_cost(completion_response=response, custom_llm_provider="openai")


def genai_prices():
    from genai_prices import calc_price, extract_usage

    def calculate():
        usage = extract_usage(answer, provider_id="openai", api_flavor="chat").usage
        return calc_price(usage, model_ref=answer["model"], provider_id="openai").total_price

    return calculate


def microseconds(calculate):
    for _ in range(500):
        calculate()
    calls = 3000
    before = time.process_time()
    for _ in range(calls):
        calculate()
    return (time.process_time() - before) / calls * 1e6


results = {}
for name, create in {"LiteLLM": litellm, "genai-prices": genai_prices}.items():
    try:
        calculate = create()
    except ImportError:
        continue
    results[name] = {"microseconds": microseconds(calculate), "cost": str(calculate())}
print(json.dumps(results))

"""Calculates a charge from a provider's answer: ADDRESS FILE."""

import sys
from pathlib import Path

sys.path.append("gen")
from credentials import open_channel
from llmprices.v1.pricing_service_pb2 import CalculateChargeRequest
from llmprices.v1.pricing_service_pb2_grpc import PricingServiceStub
from llmprices.v1.rate_card_pb2 import UsageBucket
from llmprices.v1.usage_pb2 import Usage, UsageFormat

# The answer as it came. With the package anthropic it is message.to_json().
answer = Path(sys.argv[2]).read_text(encoding="utf-8")

with open_channel(sys.argv[1]) as channel:
    pricing = PricingServiceStub(channel)
    charge = pricing.CalculateCharge(
        CalculateChargeRequest(
            charge_type="completion",
            provider="anthropic",
            model="claude-sonnet-4-5",
            usage=Usage(
                format=UsageFormat.USAGE_FORMAT_ANTHROPIC_MESSAGES,
                raw_json=answer,
            ),
            account_usage_ratio="1",
        ),
        timeout=5,
    )
    rated = charge.rated_usage
    print(f"charge: {charge.account_charge} {charge.currency_code}, findings: {len(rated.findings)}")
    for line in rated.lines:
        bucket = UsageBucket.Name(line.bucket)
        print(f"{bucket}: {line.quantity} at {line.rate.rate} per {line.rate.per} is {line.amount}")

"""Calculates a charge of the example price book."""

import sys

sys.path.append("gen")
from credentials import open_channel
from llmprices.v1.pricing_service_pb2 import CalculateChargeRequest
from llmprices.v1.pricing_service_pb2_grpc import PricingServiceStub

with open_channel(sys.argv[1]) as channel:
    pricing = PricingServiceStub(channel)
    charge = pricing.CalculateCharge(
        CalculateChargeRequest(
            charge_type="completion",
            provider="anthropic",
            model="claude-sonnet-4-5",
            provider_cost="1000.00",
            account_usage_ratio="0.25",
        ),
        timeout=5,
    )
    print("first charge:", charge.account_charge)

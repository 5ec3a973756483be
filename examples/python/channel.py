"""The one channel of a process."""

# region channel
import json

import grpc
from credentials import open_channel

SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [
                {"service": "llmprices.v1.PricingService"},
                {"service": "llmprices.v1.CatalogService"},
            ],
            "timeout": "10s",
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        },
        {
            "name": [
                {"service": "llmprices.v1.PricingService", "method": "StreamAllocateCharges"},
                {"service": "llmprices.v1.PricingService", "method": "ImportLLMPrices"},
            ],
            "timeout": "600s",
        },
    ],
}


def connect(address: str) -> grpc.Channel:
    """An address like dns:///llmprices:50051 is resolved to all addresses behind the name."""
    return open_channel(
        address,
        options=[
            ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
        ],
    )


# endregion

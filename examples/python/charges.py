"""Charges, one and many."""

from threading import Event

import grpc
from llmprices.v1.allocation_pb2 import AllocationTerms, AllocationUsage
from llmprices.v1.charge_pb2 import AccountUsage, RoundingMode
from llmprices.v1.pricing_service_pb2 import (
    BatchCalculateChargesRequest,
    CalculateChargeRequest,
    StreamAllocateChargesRequest,
)
from llmprices.v1.pricing_service_pb2_grpc import PricingServiceStub
from errors import code_and_reason


def charge(name: str, model: str, **more) -> CalculateChargeRequest:
    """What an account pays that caused all of a cost of 10."""
    request = CalculateChargeRequest(charge_type=name, provider=name, model=model, **more)
    request.provider_cost = "10"
    if not request.HasField("account_usage"):
        request.account_usage_ratio = "1"
    return request


def calculate(pricing: PricingServiceStub, name: str, book_version: int):
    """A charge that is exact, and one that has to be rounded. Answers when the first was priced."""
    exact = pricing.CalculateCharge(charge(name, "model-1", min_book_version=book_version))
    print_step("calculate", exact.account_charge, exact.markup, exact_or_not(exact))

    usage = AccountUsage(usage="1", total_usage="3")
    third = pricing.CalculateCharge(charge(name, "model-1", account_usage=usage))
    rounding = f"{third.rounding.scale} {RoundingMode.Name(third.rounding.mode)}"
    print_step("calculate a third", third.account_charge, exact_or_not(third), rounding)
    return exact.as_of


def batch(pricing: PricingServiceStub, name: str) -> None:
    """Three charges, the second for a model that has no price."""
    requests = [charge(name, model) for model in ("model-1", "model-6", "model-2")]
    answer = pricing.BatchCalculateCharges(BatchCalculateChargesRequest(requests=requests))
    print_step("batch", *map(to_text, answer.results))


def allocate(pricing: PricingServiceStub, name: str) -> None:
    """A cost of 80 over three equal accounts, sent in two messages."""
    requests = [
        StreamAllocateChargesRequest(terms=terms(name), account_usages=usages("alice", "bob")),
        StreamAllocateChargesRequest(account_usages=usages("carol")),
    ]
    seen = []
    for part in pricing.StreamAllocateCharges(iter(requests), timeout=60):
        seen += [f"{each.account_id} {each.account_charge}" for each in part.account_charges]
        if part.HasField("totals"):
            seen.append(f"total {part.totals.total_charge}")
    print_step("allocate", *seen)


def keep_open(pricing: PricingServiceStub, name: str) -> None:
    """Keeps an allocation open for longer than it may take."""
    is_over = Event()

    def requests():
        yield StreamAllocateChargesRequest(terms=terms(name))
        is_over.wait()

    try:
        list(pricing.StreamAllocateCharges(requests(), timeout=0.3))
    except grpc.RpcError as error:
        print_step("deadline", error.code().name)
    finally:
        is_over.set()


def terms(name: str) -> AllocationTerms:
    return AllocationTerms(
        charge_type=name, provider=name, model="model-1", provider_cost="80", currency_code="USD"
    )


def usages(*accounts: str) -> list[AllocationUsage]:
    return [AllocationUsage(account_id=account, usage="1") for account in accounts]


def to_text(result) -> str:
    if result.HasField("error"):
        return " ".join(code_and_reason(result.error))
    return result.charge.account_charge


def exact_or_not(answer) -> str:
    return "exact" if answer.exact else "rounded"


def print_step(step: str, *seen: str) -> None:
    """Prints one answer: what was done, and what was seen."""
    print(f"{step}: {', '.join(seen)}")

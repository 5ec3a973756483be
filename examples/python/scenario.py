"""The scenario that every client runs: ADDRESS NAME UNSTEADY_ADDRESS. Prints a line for each step."""

import sys
from datetime import timezone
from uuid import uuid4

sys.path.append("gen")
from channel import connect
from charges import allocate, batch, calculate, charge, keep_open, print_step
from llmprices.v1.catalog_service_pb2 import (
    CreateChargeTypeRequest,
    CreateModelRequest,
    CreateProviderRequest,
)
from llmprices.v1.catalog_service_pb2_grpc import CatalogServiceStub
from llmprices.v1.llm_price_pb2 import LLMPriceKey
from llmprices.v1.pricing_service_pb2 import (
    CreateLLMPriceRequest,
    GetLLMPriceRequest,
    ListLLMPricesRequest,
    UpdateLLMPriceRequest,
)
from llmprices.v1.pricing_service_pb2_grpc import PricingServiceStub
from errors import code_and_reason, error_info, error_of, violations

PRICES = {
    "model-1": "1.25",
    "model-2": "1.5",
    "model-3": "2",
    "model-4": "0",
    "model-5": "0.0000000001",
}


def main(address: str, name: str, unsteady_address: str) -> None:
    with connect(address) as channel:
        pricing = PricingServiceStub(channel)
        register(CatalogServiceStub(channel), name)
        created = create_prices(pricing, name)
        read(pricing, created.llm_price.id)
        list_prices(pricing, name)
        as_of = calculate(pricing, name, created.book_version)
        batch(pricing, name)
        allocate(pricing, name)
        update(pricing, name, created.llm_price.etag, as_of)
        cause_errors(pricing, name)
        keep_open(pricing, name)
    with connect(unsteady_address) as channel:
        again = PricingServiceStub(channel).CalculateCharge(charge(name, "model-1"))
        print_step("retry", again.account_charge)


def register(catalog: CatalogServiceStub, name: str) -> None:
    charge_type = CreateChargeTypeRequest(name=name, request_id=str(uuid4()))
    provider = CreateProviderRequest(name=name, request_id=str(uuid4()))
    seen = [
        catalog.CreateChargeType(charge_type).charge_type.name,
        catalog.CreateProvider(provider).provider.name,
    ]
    for model in PRICES:
        request = CreateModelRequest(provider=name, name=model, request_id=str(uuid4()))
        seen.append(catalog.CreateModel(request).model.name)
    print_step("register", *seen)


def create_prices(pricing: PricingServiceStub, name: str):
    """Prices every model, and repeats the last write, which is answered as it was before."""
    requests = [
        CreateLLMPriceRequest(
            charge_type=name, provider=name, model=model, price=price, request_id=str(uuid4())
        )
        for model, price in PRICES.items()
    ]
    answers = [pricing.CreateLLMPrice(request) for request in requests]
    print_step("create", *(answer.llm_price.price for answer in answers))
    repeated = pricing.CreateLLMPrice(requests[-1])
    is_same = repeated.llm_price.id == answers[-1].llm_price.id
    print_step("repeat", "the same id" if is_same else "another id")
    return answers[0]


def read(pricing: PricingServiceStub, price_id: str) -> None:
    price = pricing.GetLLMPrice(GetLLMPriceRequest(id=price_id)).llm_price
    since = price.effective_from.ToDatetime(tzinfo=timezone.utc)
    until = price.effective_until.ToJsonString() if price.HasField("effective_until") else "open"
    since_text = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print_step("read", price.charge_type, price.provider, price.model, price.price, since_text, until)


def list_prices(pricing: PricingServiceStub, name: str) -> None:
    """Two prices a page."""
    pages = []
    page_token = ""
    while True:
        request = ListLLMPricesRequest(provider=name, page_size=2, page_token=page_token)
        page = pricing.ListLLMPrices(request)
        pages.append(" ".join(price.model for price in page.llm_prices))
        page_token = page.next_page_token
        if not page_token:
            return print_step("list", *pages)


def update(pricing: PricingServiceStub, name: str, etag: str, earlier) -> None:
    """Changes the first price, calculates before and after, and repeats it with the old etag."""
    request = UpdateLLMPriceRequest(
        key=LLMPriceKey(charge_type=name, provider=name, model="model-1"),
        price="1.75",
        etag=etag,
        reason="a new contract",
        request_id=str(uuid4()),
    )
    updated = pricing.UpdateLLMPrice(request)
    print_step("update", updated.llm_price.price)

    now = charge(name, "model-1", min_book_version=updated.book_version)
    print_step("calculate at the new price", pricing.CalculateCharge(now).account_charge)
    before = charge(name, "model-1", as_of=earlier)
    print_step("calculate at the earlier time", pricing.CalculateCharge(before).account_charge)

    request.request_id = str(uuid4())
    print_step("stale etag", *code_and_reason(error_of(pricing.UpdateLLMPrice, request)))


def cause_errors(pricing: PricingServiceStub, name: str) -> None:
    """Asks for what cannot be, and reads why not."""
    wrong = CreateLLMPriceRequest(
        charge_type="Not a type", provider=name, model="model-1", price="-1"
    )
    error = error_of(pricing.CreateLLMPrice, wrong)
    print_step("wrong fields", *code_and_reason(error), *violations(error))
    error = error_of(pricing.CalculateCharge, charge(name, "model-6"))
    print_step("missing price", *code_and_reason(error), error_info(error).metadata["nearest_1"])


main(*sys.argv[1:])

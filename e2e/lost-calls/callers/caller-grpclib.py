"""Calls again and again until its standard input ends: ADDRESS CHARGE WORST_CHARGE WORST_ALLOCATION."""

import asyncio
import os
import sys

sys.path.append("gen")

# grpclib only unpacks details whose types are imported.
from google.rpc import error_details_pb2  # noqa: F401
from google.rpc.status_pb2 import Status
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.exceptions import GRPCError
from llmprices.v1.pricing_service_pb2 import (
    AllocateChargesRequest,
    AllocateChargesResponse,
    CalculateChargeRequest,
    CalculateChargeResponse,
)

address, *requests = sys.argv[1:]
charge, worst_charge, worst_allocation = map(bytes.fromhex, requests)
sent = right = 0


def print_line(*columns) -> None:
    print(*columns, sep="\t", flush=True)


def print_failure(error: Exception) -> None:
    if isinstance(error, GRPCError):
        code, text = error.status.value, error.message or ""
        status = Status(code=code, message=text)
        for detail in error.details or ():
            status.details.add().Pack(detail)
        details = status.SerializeToString() if status.details else b""
    else:
        code, text, details = "exception", repr(error), b""
        if isinstance(error, OSError) and error.errno is not None:
            text += f", {os.strerror(error.errno)}"
    print_line("failed", code, details.hex(), text.encode().hex())


async def call_repeatedly(calculate: UnaryUnaryMethod) -> None:
    global sent, right
    request = CalculateChargeRequest.FromString(charge)
    while True:
        sent += 1
        cost = sent
        request.provider_cost = str(cost)
        try:
            answer = await calculate(request, timeout=10)
        except Exception as error:
            print_failure(error)
            await asyncio.sleep(0.02)
            continue
        if answer.account_charge == str(2 * cost):
            right += 1
        else:
            print_line("wrong", cost, answer.account_charge)


async def main() -> None:
    host, port = address.rsplit(":", 1)
    channel = Channel(host, int(port))
    path = "/llmprices.v1.PricingService/"
    calculate = UnaryUnaryMethod(
        channel, path + "CalculateCharge", CalculateChargeRequest, CalculateChargeResponse
    )
    allocate = UnaryUnaryMethod(
        channel, path + "AllocateCharges", AllocateChargesRequest, AllocateChargesResponse
    )
    for method, request in (
        (calculate, CalculateChargeRequest.FromString(worst_charge)),
        (allocate, AllocateChargesRequest.FromString(worst_allocation)),
    ):
        try:
            await method(request)
        except Exception as error:
            print_failure(error)
    callers = [asyncio.create_task(call_repeatedly(calculate)) for _ in range(8)]
    while await asyncio.to_thread(sys.stdin.readline):
        print_line("right", right)
    del callers
    os._exit(0)


asyncio.run(main())

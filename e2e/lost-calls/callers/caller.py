"""Calls again and again until its standard input ends: ADDRESS CHARGE WORST_CHARGE WORST_ALLOCATION."""

import itertools
import os
import sys
import threading
import time

sys.path.append("gen")
import grpc
from llmprices.v1.pricing_service_pb2 import AllocateChargesRequest, CalculateChargeRequest
from llmprices.v1.pricing_service_pb2_grpc import PricingServiceStub

address, *requests = sys.argv[1:]
charge, worst_charge, worst_allocation = map(bytes.fromhex, requests)
pricing = PricingServiceStub(grpc.insecure_channel(address))
costs = itertools.count(1)
right = []


def print_line(*columns) -> None:
    sys.stdout.write("\t".join(map(str, columns)) + "\n")
    sys.stdout.flush()


def print_failure(error: grpc.RpcError) -> None:
    trailers = dict(error.trailing_metadata() or ())
    details = trailers.get("grpc-status-details-bin", b"")
    print_line("failed", error.code().value[0], details.hex(), error.details().encode().hex())


def call_repeatedly() -> None:
    request = CalculateChargeRequest.FromString(charge)
    while True:
        cost = next(costs)
        request.provider_cost = str(cost)
        try:
            answer = pricing.CalculateCharge(request, timeout=10)
        except grpc.RpcError as error:
            print_failure(error)
            time.sleep(0.02)
            continue
        if answer.account_charge == str(2 * cost):
            right.append(cost)
        else:
            print_line("wrong", cost, answer.account_charge)


for method, request in (
    (pricing.CalculateCharge, CalculateChargeRequest.FromString(worst_charge)),
    (pricing.AllocateCharges, AllocateChargesRequest.FromString(worst_allocation)),
):
    try:
        method(request)
    except grpc.RpcError as error:
        print_failure(error)
for _ in range(8):
    threading.Thread(target=call_repeatedly, daemon=True).start()
for _ in sys.stdin:
    print_line("right", len(right))
os._exit(0)

"""Why a call failed."""

import grpc
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status


def error_info(status: status_pb2.Status) -> ErrorInfo:
    """Why a call failed: a reason of its closed list, and its metadata."""
    info = ErrorInfo()
    for detail in status.details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
    return info


def violations(status: status_pb2.Status) -> list[str]:
    """What is wrong with the request's fields, all of it at once."""
    bad_request = BadRequest()
    for detail in status.details:
        if detail.Is(BadRequest.DESCRIPTOR):
            detail.Unpack(bad_request)
    return [f"{each.field} {each.description}" for each in bad_request.field_violations]


def error_of(call, request, **options) -> status_pb2.Status:
    """Makes a call that must fail."""
    try:
        call(request, **options)
    except grpc.RpcError as error:
        # None where the service sent no details, as when the caller's own deadline has passed.
        return rpc_status.from_call(error) or status_pb2.Status(code=error.code().value[0])
    raise AssertionError("expected an error, got a response")


def code_and_reason(status: status_pb2.Status) -> list[str]:
    return [code_pb2.Code.Name(status.code), error_info(status).reason]

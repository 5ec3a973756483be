"""Reads TLS and a token from the environment."""

from os import environ
from pathlib import Path

import grpc


def open_channel(address: str, options=None) -> grpc.Channel:
    """Uses TLS if LLMPRICES_CA_FILE names the authority, and sends the token in LLMPRICES_TOKEN."""
    ca_file = environ.get("LLMPRICES_CA_FILE")
    token = environ.get("LLMPRICES_TOKEN")
    if not ca_file:
        if token:
            raise ValueError("a token is sent over TLS only: set LLMPRICES_CA_FILE")
        return grpc.insecure_channel(address, options)
    credentials = grpc.ssl_channel_credentials(Path(ca_file).read_bytes())
    if token:
        bearer = grpc.access_token_call_credentials(token)
        credentials = grpc.composite_channel_credentials(credentials, bearer)
    return grpc.secure_channel(address, credentials, options)

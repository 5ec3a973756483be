#!/usr/bin/env bash
# In one release of one project, `gen_ai.usage.input_tokens` contains cached tokens for Anthropic, not for Bedrock
#
# The good guess: the convention says that `gen_ai.usage.input_tokens` contains cached tokens. Two instrumentations
#   of one project, in one release, count in the same way: input less cache is the uncached input.
# What happens: for one usage of Claude, the instrumentation of the anthropic package sets 8100, and the one of
#   Bedrock sets 100. The other names and numbers are equal, except the total: Bedrock states 8300 tokens, and
#   the span says 300.
# Why it matters for pricing: for Bedrock, input less cache is 100 - 8000, which is negative. A reader that replaces
#   it by 0 loses 100 tokens. A reader that does not subtract charges 8,000 tokens twice when the call goes to
#   Anthropic. Only the scope of the span shows which one it is. Rate the provider's own usage object instead.
#
# Seen with: opentelemetry-instrumentation-anthropic and -bedrock 0.62.4, anthropic 2.14.0, boto3 1.44.8,
#   Python 3.11.7. Output:
#   anthropic: input 8100, read 5000, written 3000, output 200, total 8300
#   bedrock: input 100, read 5000, written 3000, output 200, total 300
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check anthropic==2.14.0 boto3==1.44.8 \
  opentelemetry-sdk==1.45.2 opentelemetry-instrumentation-anthropic==0.62.4 \
  opentelemetry-instrumentation-bedrock==0.62.4

cat > check.py <<'PY'
import json
import platform
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
import boto3
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.instrumentation.bedrock import BedrockInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

# One usage, as both APIs state it: 100 tokens beside the cache.
message = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 100,
        "cache_read_input_tokens": 5000,
        "cache_creation_input_tokens": 3000,
        "output_tokens": 200,
    },
}
converse = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {
        "inputTokens": 100,
        "cacheReadInputTokens": 5000,
        "cacheWriteInputTokens": 3000,
        "outputTokens": 200,
        "totalTokens": 8300,
    },
    "metrics": {"latencyMs": 1},
}


class Provider(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(message if "/v1/messages" in self.path else converse)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
AnthropicInstrumentor().instrument(tracer_provider=provider)
BedrockInstrumentor().instrument(tracer_provider=provider)

model = "claude-sonnet-4-5"
anthropic.Anthropic(base_url=url, api_key="none").messages.create(
    model=model, max_tokens=10, messages=[{"role": "user", "content": "Hello"}]
)
keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, **keys).converse(
    modelId=f"anthropic.{model}", messages=[{"role": "user", "content": [{"text": "Hello"}]}]
)

names = {
    "input": "input_tokens",
    "read": "cache_read.input_tokens",
    "written": "cache_creation.input_tokens",
    "output": "output_tokens",
    "total": "total_tokens",
}
print(f"Python {platform.python_version()}")
seen = {}
for span in exporter.get_finished_spans():
    scope = span.instrumentation_scope.name.rsplit(".", 1)[-1]
    counts = {key: span.attributes.get(f"gen_ai.usage.{name}") for key, name in names.items()}
    seen[scope] = list(counts.values())
    print(f"{scope}: {', '.join(f'{key} {value}' for key, value in counts.items())}")
if seen == {"anthropic": [8100, 5000, 3000, 200, 8300], "bedrock": [100, 5000, 3000, 200, 300]}:
    print("As stated: the same attribute contains the cache, or leaves it out.")
else:
    print("Changed: the instrumentations count in another way now.")
    sys.exit(1)
PY
env/bin/python check.py

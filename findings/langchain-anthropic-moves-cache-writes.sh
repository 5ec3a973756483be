#!/usr/bin/env bash
# langchain-anthropic 1.7.10: `cache_creation` is 0 for an answer that wrote 3,000 tokens to a cache
#
# The good guess: `usage_metadata` has the same fields for all models, streamed or not: that is its purpose. Its
#   `cache_creation` counts the tokens that were written to a cache.
# What happens: without streaming, the field is 0, and the tokens are in two other fields, by the lifetime of the
#   cache. In the stream of the same answer the field is 3,000, and the lifetimes are lost. Anthropic states both
#   in both cases.
# Why it matters for pricing: a written token costs 1.25 times the input for 5 minutes, and twice the input for an
#   hour. A program that reads `cache_creation` charges too little without streaming. A program that reads the
#   lifetimes finds none in a stream. Take the provider's own usage instead: without streaming,
#   `response_metadata` has it.
#
# Seen with: langchain-anthropic 1.7.10, langchain-core 1.8.3, anthropic 2.14.0, Python 3.11.7. Output:
#   invoke: cache_creation 0, ephemeral_5m_input_tokens 2000, ephemeral_1h_input_tokens 1000
#   stream: cache_creation 3000, ephemeral_5m_input_tokens None, ephemeral_1h_input_tokens None
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check \
  langchain-anthropic==1.7.10 langchain-core==1.8.3 anthropic==2.14.0

cat > check.py <<'PY'
import json
import platform
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from langchain_anthropic import ChatAnthropic

lifetimes = {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000}
counts = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 3000,
    "cache_read_input_tokens": 5000,
    "output_tokens": 200,
}
usage = {**counts, "cache_creation": lifetimes, "service_tier": "standard"}
message = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": usage,
}
# What Anthropic streams: the first event has the lifetimes, the last counts have not.
start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
end = {"stop_reason": "end_turn", "stop_sequence": None}
events = [
    {"type": "message_start", "message": start},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": end, "usage": counts},
    {"type": "message_stop"},
]


class Anthropic(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        lines = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events]
        is_stream = request.get("stream", False)
        body = "".join(lines) if is_stream else json.dumps(message)
        self.send_response(200)
        kind = "text/event-stream" if is_stream else "application/json"
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(body.encode())


def written(name, result):
    names = ["cache_creation", *lifetimes]
    found = [result.usage_metadata["input_token_details"].get(each) for each in names]
    print(f"{name}: {', '.join(f'{key} {value}' for key, value in zip(names, found))}")
    return found


server = ThreadingHTTPServer(("127.0.0.1", 0), Anthropic)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
model = ChatAnthropic(model="claude-sonnet-4-5", base_url=url, api_key="none", max_tokens=10)

print(f"Python {platform.python_version()}")
whole = model.invoke("Hello")
first, *others = model.stream("Hello")
streamed = sum(others, first)
seen = [written("invoke", whole), written("stream", streamed)]
own = whole.response_metadata["usage"]["cache_creation"]["ephemeral_1h_input_tokens"]
if seen == [[0, 2000, 1000], [3000, None, None]] and own == 1000:
    print("As stated: the written tokens are in other fields when the answer is streamed.")
else:
    print("Changed: written tokens are counted in other fields now.")
    sys.exit(1)
PY
env/bin/python check.py

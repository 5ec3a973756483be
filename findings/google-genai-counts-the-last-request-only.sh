#!/usr/bin/env bash
# google-genai 3.6.1 sends two requests for one call with a tool, and returns the usage of the second one
#
# The good guess: one call returns one response, whose `usage_metadata` says what the call has used. When the SDK
#   itself runs a Python function as a tool and asks the model again, that usage contains all its requests.
# What happens: it is the usage of the last request. The history of the calls, which the response has too, has
#   no usage. The SDK sends up to ten requests for one call. A stream loses nothing: the last chunk of each
#   request has its usage.
# Why it matters for pricing: almost half of the input tokens here are never charged, and nothing is missing in the
#   response: its total is the sum of its parts. Rate each request, and not the call: switch automatic function
#   calling off, or take the usage from a stream.
#
# Seen with: google-genai 3.6.1, Python 3.11.7. Output:
#   sent: 2 requests, 2100 input tokens
#   generate_content: 1100
#   send_message of a chat: 1100
#   chunks of generate_content_stream: 1000, 1100
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check google-genai==3.6.1

cat > check.py <<'PY'
import json
import platform
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google import genai
from google.genai import types

# What Gemini answers: first the call of a function, and then a text.
call = {"functionCall": {"name": "price_of", "args": {"item": "tea"}}}
answers = [(call, 1000, 20), ({"text": "It costs 5."}, 1100, 30)]
sent = []


class Gemini(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        part, prompt, output = answers[len(sent) % 2]
        sent.append(prompt)
        usage = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": output,
            "totalTokenCount": prompt + output,
        }
        content = {"role": "model", "parts": [part]}
        candidate = {"content": content, "finishReason": "STOP"}
        body = json.dumps({"candidates": [candidate], "usageMetadata": usage})
        if "stream" in self.path:
            body = f"data: {body}\r\n\r\n"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())


def price_of(item: str) -> str:
    """Returns the price of an item."""
    return "5"


server = ThreadingHTTPServer(("127.0.0.1", 0), Gemini)
threading.Thread(target=server.serve_forever, daemon=True).start()
options = types.HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}")
client = genai.Client(api_key="none", http_options=options)
with_tool = {
    "model": "gemini-2.5-pro",
    "config": types.GenerateContentConfig(tools=[price_of]),
}
question = "What does tea cost?"

print(f"Python {platform.python_version()}")
one = client.models.generate_content(contents=question, **with_tool)
requests = sent.copy()
chat = client.chats.create(**with_tool).send_message(question)
chunks = client.models.generate_content_stream(contents=question, **with_tool)
streamed = [chunk.usage_metadata.prompt_token_count for chunk in chunks]
counted = [each.usage_metadata.prompt_token_count for each in (one, chat)]
print(f"sent: {len(requests)} requests, {sum(requests)} input tokens")
print(f"generate_content: {counted[0]}")
print(f"send_message of a chat: {counted[1]}")
print(f"chunks of generate_content_stream: {', '.join(map(str, streamed))}")
if (requests, counted, streamed) == ([1000, 1100], [1100, 1100], [1000, 1100]):
    print("As stated: the usage of a call is that of its last request.")
else:
    print("Changed: the usage of a call has other requests.")
    sys.exit(1)
PY
env/bin/python check.py 2> warnings.txt || { cat warnings.txt; exit 1; }

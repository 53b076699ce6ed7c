"""Ask and stream through the official Anthropic client.

pip install openai anthropic
COURTYARD_API_KEY=cy_… python examples/anthropic_messages.py

COURTYARD_URL says where the server is, if not at http://127.0.0.1:8420.
"""

import os

from anthropic import Anthropic

url = os.environ.get("COURTYARD_URL", "http://127.0.0.1:8420")
client = Anthropic(base_url=url, api_key=os.environ["COURTYARD_API_KEY"])
model = os.environ.get("COURTYARD_MODEL", "default")

message = client.messages.create(
    model=model,
    max_tokens=60,
    system="Answer in one sentence.",
    messages=[{"role": "user", "content": "What is a ledger?"}],
)
print(message.content[0].text)
print(f"{message.usage.output_tokens} tokens, receipt {message.model_extra['courtyard']['receipt']}")

with client.messages.stream(
    model=model, max_tokens=60, messages=[{"role": "user", "content": "Count from one to ten."}]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print(f"\n{stream.get_final_message().usage.output_tokens} tokens")

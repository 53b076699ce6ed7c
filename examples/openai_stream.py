"""Stream an answer through the official OpenAI client, and read its cost at the end.

pip install openai anthropic
COURTYARD_API_KEY=cy_… python examples/openai_stream.py

COURTYARD_URL says where the server is, if not at http://127.0.0.1:8420.
"""

import os

from openai import OpenAI

url = os.environ.get("COURTYARD_URL", "http://127.0.0.1:8420")
client = OpenAI(base_url=url + "/v1", api_key=os.environ["COURTYARD_API_KEY"])
model = os.environ.get("COURTYARD_MODEL", "default")

stream = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "Count from one to ten."}],
    max_tokens=60,
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    else:  # The last chunk has no choices; it tells what was used.
        told = chunk.model_extra["courtyard"]
        print(f"\n{chunk.usage.completion_tokens} tokens, {told['cost']['count']} {told['cost']['unit']}")

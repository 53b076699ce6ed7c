"""Ask one question through the official OpenAI client.

pip install openai anthropic
COURTYARD_API_KEY=cy_… python examples/openai_chat.py

COURTYARD_URL says where the server is, if not at http://127.0.0.1:8420.
"""

import os

from openai import OpenAI

url = os.environ.get("COURTYARD_URL", "http://127.0.0.1:8420")
client = OpenAI(base_url=url + "/v1", api_key=os.environ["COURTYARD_API_KEY"])
model = os.environ.get("COURTYARD_MODEL", "default")

answer = client.chat.completions.create(
    model=model,
    messages=[
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "What is a ledger?"},
    ],
    max_tokens=60,
)
print(answer.choices[0].message.content)

# Beside OpenAI's own fields every answer says where it ran, what it cost, and which receipt proves it.
told = answer.model_extra["courtyard"]
print(f"{answer.usage.total_tokens} tokens, {told['cost']['count']} {told['cost']['unit']}, region {told['region']}")
print(f"receipt {told['receipt']}")

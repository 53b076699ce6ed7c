"""Let a model call a function, run it, and give it the result.

COURTYARD_URL=http://127.0.0.1:8420 COURTYARD_API_KEY=cy_… python examples/openai_tools.py
"""

import json
import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["COURTYARD_URL"] + "/v1", api_key=os.environ["COURTYARD_API_KEY"])
model = os.environ.get("COURTYARD_MODEL", "default")

PRICES = {"apple": 0.4, "pear": 0.6}


def price_of(fruit: str) -> str:
    """Tell a price, as the shop would."""
    return f"{PRICES.get(fruit, 1.0):.2f} euro"


tools = [
    {
        "type": "function",
        "function": {
            "name": "price_of",
            "description": "The price of one fruit.",
            "parameters": {"type": "object", "properties": {"fruit": {"type": "string"}}, "required": ["fruit"]},
        },
    }
]
messages = [{"role": "user", "content": "What does an apple cost?"}]

asked = client.chat.completions.create(model=model, messages=messages, tools=tools, max_tokens=100).choices[0].message
print("asked:", asked.content or [call.function.name for call in asked.tool_calls])

if asked.tool_calls:
    messages.append(asked.model_dump(exclude_none=True))
    for call in asked.tool_calls:
        result = price_of(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    answer = client.chat.completions.create(model=model, messages=messages, tools=tools, max_tokens=100)
    print("answered:", answer.choices[0].message.content)

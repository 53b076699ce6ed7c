"""Let a model call a function, run it, and give it the result.

pip install openai anthropic
COURTYARD_API_KEY=cy_… python examples/openai_tools.py

COURTYARD_URL says where the server is, if not at http://127.0.0.1:8420.
"""

import json
import os

from openai import OpenAI

url = os.environ.get("COURTYARD_URL", "http://127.0.0.1:8420")
client = OpenAI(base_url=url + "/v1", api_key=os.environ["COURTYARD_API_KEY"])
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
    # The result is there: no further call, so that small models too say it in a sentence.
    answer = client.chat.completions.create(
        model=model, messages=messages, tools=tools, tool_choice="none", max_tokens=100
    )
    print("answered:", answer.choices[0].message.content)

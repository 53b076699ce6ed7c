"""Find the text that means the same, through the official OpenAI client.

pip install openai anthropic
COURTYARD_API_KEY=cy_… python examples/openai_embeddings.py

COURTYARD_URL says where the server is, if not at http://127.0.0.1:8420.
"""

import math
import os

from openai import OpenAI

url = os.environ.get("COURTYARD_URL", "http://127.0.0.1:8420")
client = OpenAI(base_url=url + "/v1", api_key=os.environ["COURTYARD_API_KEY"])
model = os.environ.get("COURTYARD_EMBEDDING_MODEL", "embed")

QUESTION = "How do I pay my bill?"
TEXTS = ["Invoices can be settled by bank transfer.", "The lake freezes in January.", "Cats sleep most of the day."]

vectors = [one.embedding for one in client.embeddings.create(model=model, input=[QUESTION, *TEXTS]).data]


def likeness(a: list[float], b: list[float]) -> float:
    """The cosine of the angle between two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


for text, vector in sorted(zip(TEXTS, vectors[1:], strict=True), key=lambda pair: -likeness(vectors[0], pair[1])):
    print(f"{likeness(vectors[0], vector):.3f}  {text}")

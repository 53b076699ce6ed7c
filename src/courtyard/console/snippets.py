"""The first call, in the words of the clients that people have."""

import json
import shlex
from typing import NamedTuple

KEY_NAME = "COURTYARD_API_KEY"


class Snippet(NamedTuple):
    """A piece of code to copy."""

    id: str
    name: str
    text: str


def snippets(url: str, *, model: str) -> tuple[Snippet, ...]:
    """Write a first call against this house. The key comes from the environment, not from the code."""
    named = json.dumps(model)
    return (
        Snippet("curl", "curl", _curl(url, model)),
        Snippet("openai", "Python · openai", _OPENAI.format(url=json.dumps(f"{url}/v1"), model=named, key=KEY_NAME)),
        Snippet("anthropic", "Python · anthropic", _ANTHROPIC.format(url=json.dumps(url), model=named, key=KEY_NAME)),
    )


def _curl(url: str, model: str) -> str:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Say hello."}]})
    return (
        f"curl {shlex.quote(f'{url}/v1/chat/completions')} \\\n"
        f'  -H "Authorization: Bearer ${KEY_NAME}" \\\n'
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


_OPENAI = """\
import os
from openai import OpenAI

client = OpenAI(base_url={url}, api_key=os.environ["{key}"])
answer = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Say hello."}}],
)
print(answer.choices[0].message.content)
print(answer.usage)
"""

_ANTHROPIC = """\
import os
from anthropic import Anthropic

client = Anthropic(base_url={url}, api_key=os.environ["{key}"])
message = client.messages.create(
    model={model},
    max_tokens=200,
    messages=[{{"role": "user", "content": "Say hello."}}],
)
print(message.content[0].text)
print(message.usage)
"""

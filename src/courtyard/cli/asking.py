"""Asks the house by its own door, as callers do: keys, rules, prices and records hold for it too."""

import asyncio
import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec

from courtyard.core.errors import InvalidRequest, Unavailable
from courtyard.evaluation import Asked

_WHOLE_S = 600.0
_ANSWER_BYTES_MAX = 8 << 20


class Door:
    """The OpenAI door of a house at `url`, asked with an API key."""

    def __init__(self, url: str, key: str, *, purpose: str, tokens_max: int) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest(f"{url[:80]!r} is no address of a house; write http://HOST:PORT", param="url")
        self._parts = parts
        self._headers = {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "x-courtyard-purpose": purpose,
        }
        self._tokens_max = tokens_max

    async def __call__(self, model: str, prompt: str) -> Asked:
        """Ask one question, and wait for the whole answer.

        Raises:
            Unavailable: nobody answers at the address.
        """
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self._tokens_max,
            "temperature": 0,
        }
        return await asyncio.to_thread(self._ask, msgspec.json.encode(body))

    def _ask(self, body: bytes) -> Asked:
        connect = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        assert self._parts.hostname is not None
        connection = connect(self._parts.hostname, self._parts.port, timeout=_WHOLE_S)
        try:
            connection.request("POST", f"{self._parts.path.rstrip('/')}/v1/chat/completions", body, self._headers)
            response = connection.getresponse()
            request = response.headers.get("x-courtyard-request", "")
            return _read(response.read(_ANSWER_BYTES_MAX), request)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"nobody answers at {self._parts.netloc}: {error}; is `courtyard serve` running there?"
            ) from error
        finally:
            connection.close()


def _read(raw: bytes, request: str) -> Asked:
    try:
        told: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
        if "error" in told:
            return Asked(request=request, error=str(told["error"].get("code") or "error"))
        return Asked(text=told["choices"][0]["message"]["content"] or "", request=request)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError):
        return Asked(request=request, error="no_answer")

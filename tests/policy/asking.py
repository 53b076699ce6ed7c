"""Somebody who asks, and rules to judge it."""

from collections.abc import Callable
from typing import Any

from msgspec import Raw

from courtyard.core.chat import Kind, Request
from courtyard.core.ids import ModelName, OrganisationId, ProjectId, Region, RequestId
from courtyard.core.principal import Principal
from courtyard.policy import Verdict

EU, US, CN = Region("eu"), Region("us"), Region("cn")


def principal(**changes: Any) -> Principal:
    """A member at home in Europe and China."""
    fields: dict[str, Any] = {
        "organisation": OrganisationId("org_1"),
        "project": ProjectId("proj_1"),
        "home": frozenset({EU, CN}),
    }
    return Principal(**(fields | changes))


def request(content: bytes = b'[{"role":"user","content":"hello"}]', **changes: Any) -> Request:
    """A chat with the small model."""
    fields: dict[str, Any] = {"id": RequestId("req_1"), "kind": Kind.CHAT, "model": ModelName("small")}
    return Request(content=Raw(content), **(fields | changes))


class Says:
    """A rule that always says the same, and remembers what it was asked."""

    def __init__(self, verdict: Verdict | Callable[[Request], Verdict], *, name: str = "says") -> None:
        self._verdict = verdict
        self.name = name
        self.asked: list[Request] = []

    def __call__(self, principal: Principal, request: Request) -> Verdict:
        self.asked.append(request)
        return self._verdict(request) if callable(self._verdict) else self._verdict

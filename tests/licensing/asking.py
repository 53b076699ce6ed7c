"""Somebody who asks, admitted."""

from typing import Any

from msgspec import Raw

from courtyard.core.admission import Admission
from courtyard.core.chat import Kind, Request
from courtyard.core.ids import KeyId, ModelName, OrganisationId, PersonId, ProjectId, Region, RequestId
from courtyard.core.principal import Principal

ORGANISATION, PROJECT = OrganisationId("org_1"), ProjectId("proj_1")
KEY, PERSON = KeyId("key_1"), PersonId("person_1")


def asked(id: str = "req_1", **changes: Any) -> Request:
    """A short chat with the small model."""
    fields: dict[str, Any] = {"kind": Kind.CHAT, "model": ModelName("small"), "content": Raw(b"[]")}
    return Request(id=RequestId(id), **(fields | changes))


def admitted(request: Request | None = None, **changes: Any) -> Admission:
    """A request of a person, by a key of their project."""
    fields: dict[str, Any] = {"organisation": ORGANISATION, "project": PROJECT, "key": KEY, "person": PERSON}
    home = frozenset({Region("home")})
    principal = Principal(home=home, **(fields | changes))
    return Admission(principal=principal, request=request or asked(), regions=home, rules=())

"""Names of things: one `NewType` a kind, so that a project's id is never taken for a person's."""

import os
import re
import time
from typing import NewType

OrganisationId = NewType("OrganisationId", str)
ProjectId = NewType("ProjectId", str)
PersonId = NewType("PersonId", str)
KeyId = NewType("KeyId", str)
SessionId = NewType("SessionId", str)
RequestId = NewType("RequestId", str)
AccountId = NewType("AccountId", str)
LeaseId = NewType("LeaseId", str)
NodeId = NewType("NodeId", str)
ModelName = NewType("ModelName", str)
EngineName = NewType("EngineName", str)
Region = NewType("Region", str)
ProviderId = NewType("ProviderId", str)

HOME = ProviderId("home")
"""The operator's own engines: every engine of which no other provider is said."""

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_MILLISECOND_NS = 1_000_000


def written(model: str) -> ModelName:
    """Return a model's name as it may be written down: a caller may say anything there, and what no model can be called
    is `unknown`.
    """
    return ModelName(model if _MODEL.fullmatch(model) else "unknown")


def new_id(prefix: str) -> str:
    """Make an id that sorts by time: `prefix_` and 32 hex digits, 48 bits of milliseconds before 80 random bits.

    The layout is that of a ULID; hex keeps it one C call each way.
    """
    millis = time.time_ns() // _MILLISECOND_NS
    return f"{prefix}_{millis:012x}{os.urandom(10).hex()}"

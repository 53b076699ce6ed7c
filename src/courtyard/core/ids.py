"""Names of things: one `NewType` a kind, so that a project's id is never taken for a person's."""

import os
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

_MILLISECOND_NS = 1_000_000


def new_id(prefix: str) -> str:
    """Make an id that sorts by time: `prefix_` and 32 hex digits, 48 bits of milliseconds before 80 random bits.

    The layout is that of a ULID; hex keeps it one C call each way.
    """
    millis = time.time_ns() // _MILLISECOND_NS
    return f"{prefix}_{millis:012x}{os.urandom(10).hex()}"

"""Records to seal."""

import asyncio
from typing import Any

from courtyard.core.ids import ModelName, OrganisationId, ProjectId
from courtyard.evidence import Decision, Evidence, Record

BEGUN_MS = 1_767_225_600_000
"""When a `FrozenClock` begins."""


def record(number: int = 0, **changes: Any) -> Record:
    """A numbered record of an admitted request."""
    fields: dict[str, Any] = {
        "id": f"req_{number}",
        "at_ms": BEGUN_MS + number,
        "organisation": OrganisationId("org_1"),
        "project": ProjectId("proj_1"),
        "who": "person_1",
        "kind": "chat",
        "model": ModelName("small"),
        "decision": Decision.ADMITTED,
    }
    return Record(**(fields | changes))


def seal(evidence: Evidence, *records: Record) -> None:
    """Seal some records and wait until they are durable."""

    async def all_sealed() -> None:
        for commit in [evidence.seal(record) for record in records]:
            await commit

    asyncio.run(all_sealed())

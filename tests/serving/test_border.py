"""What crosses the border is counted by whose it is."""

import asyncio
import shutil
from pathlib import Path

import pytest
from msgspec import Raw
from msgspec.structs import replace

from courtyard.catalogue import PersonsCapReached, Tier
from courtyard.core.chat import Kind, Prompt, Request
from courtyard.core.clock import FrozenClock
from courtyard.core.ids import EngineName, ModelName, OrganisationId, PersonId, ProjectId, ProviderId, Region, RequestId
from courtyard.core.principal import Principal
from courtyard.routing import Route
from courtyard.serving.border import Border
from courtyard.serving.walk import Walk
from courtyard.storage import Database
from tests.catalogue.providing import ENOUGH, Provided, facts

ROUTE = Route(engine=EngineName("theirs"), model="m", region=Region("eu"), provider=ProviderId("acme"))


def walk(*, person: str | None = None, subject: str = "") -> Walk:
    """A request on its way to another provider, as it stands at the border."""
    request = Request(id=RequestId("req_1"), kind=Kind.CHAT, model=ModelName("m"), content=Raw(b"[]"))
    principal = Principal(
        organisation=OrganisationId("org_1"),
        project=ProjectId("proj_1"),
        person=None if person is None else PersonId(person),
        home=frozenset({Region("eu")}),
    )
    made = Walk(principal=principal, request=request, begun_ms=0, who=person or "key_1", subject=subject)
    made.prompt = Prompt(request=request, content=request.content, tokens_max=1)
    return made


def test_nobody_hides_behind_a_name(sqlite_template: Path, tmp_path: Path, clock: FrozenClock) -> None:
    """Employees who all name the same end user are as many persons as they are, and the cap holds for them."""
    shutil.copyfile(sqlite_template, tmp_path / "courtyard.db")
    database = Database(f"sqlite:///{tmp_path / 'courtyard.db'}")
    provided = Provided(database, clock, tmp_path)
    provided.admitted(said=facts(tier=Tier.ALLIED), caps=replace(ENOUGH, persons=4))
    border = Border(provided.providers)

    def cross(*walks: Walk) -> int:
        for one in walks:
            asyncio.run(border.cross(one, ROUTE))
        return provided.providers.persons(ROUTE.provider)

    assert cross(walk(person="ana", subject="everybody"), walk(person="ben", subject="everybody")) == 3
    assert cross(walk(subject="everybody"), walk(person="ben")) == 3, "both are known"
    assert cross(walk(subject="customer-1")) == 4
    with pytest.raises(PersonsCapReached):
        cross(walk(person="cai", subject="everybody"))
    database.close()

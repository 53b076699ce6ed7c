"""Somebody who is erased is found nowhere, and what only grows tells of nobody."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from courtyard.gateway import GatewayLimits
from courtyard.identity import subject_of
from courtyard.privacy import Right
from tests.walk.housed import Housed, housed
from tests.walk.wait import until

ADA, WHO, BY = "ada.erased@example.org", "customer-9", "operator@localhost"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Housed]:
    with housed(tmp_path_factory.mktemp("erasure") / "d", GatewayLimits()) as running:
        yield running


def ask(house: Housed, secret: str) -> int:
    connection = HTTPConnection(*house.address, timeout=30)
    try:
        body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}], "user": WHO}
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def test_conversations_go_and_records_and_receipts_stay_of_nobody(house: Housed) -> None:
    """Across the rooms, with what each holder kept and why in the proof."""
    rooms = house.server.house
    organisation = rooms.identity.organisations()[0].id
    project = rooms.identity.projects(organisation=organisation)[0].id
    ada = rooms.identity.add_person(organisation, email=ADA, name="Ada")
    key = rooms.identity.create_key(project, name="hers", person=ada.id)
    principal = rooms.identity.authenticate(key.secret)
    house.server.assistant.create(principal, "What is in my blood test?")
    assert ask(house, key.secret) == 200
    subject = subject_of(rooms.identity, organisation, email=ADA, others=[WHO])
    desk = rooms.register.desk

    def held() -> dict[str, int]:
        return {one.holder: one.count for one in desk.look(subject)}

    until(lambda: held()["records"] == 1 and held()["receipts"] == 1)
    assert held() | {"digests": 0} == {
        "conversations": 1,
        "documents": 0,
        "records": 1,
        "receipts": 1,
        "people": 1,
        "vault": 0,
        "consents": 0,
        "digests": 0,
    }
    case = desk.open(Right.ERASURE, subject, by=BY)
    held_all = json.loads(desk.export(case.id, by=BY))["held"]
    assert held_all["conversations"][0]["conversation"]["title"] == "What is in my blood test?"
    assert held_all["records"][0]["model"] == "echo"

    proof = desk.erase(case.id, by=BY)

    assert held() == {
        "conversations": 0,
        "documents": 0,
        "records": 0,
        "receipts": 1,
        "people": 0,
        "vault": 0,
        "consents": 0,
        "digests": 0,
    }
    said = {one["holder"]: one for one in json.loads(proof.document)["body"]["holders"]}
    assert (said["conversations"]["erased"], said["records"]["kept"], said["receipts"]["kept"]) == (1, 1, 1)
    assert "PIPL article 47" in said["records"]["why"]
    assert ask(house, key.secret) == 401
    assert rooms.evidence.verify().damages == ()


def test_whose_data_is_restricted_is_not_served(house: Housed) -> None:
    """Until it is lifted: what they ask is refused, with the articles."""
    rooms = house.server.house
    organisation = rooms.identity.organisations()[0].id
    subject = subject_of(rooms.identity, organisation, others=[WHO])
    assert ask(house, house.api_key) == 200
    case = rooms.register.desk.open(Right.RESTRICTION, subject, by=BY)

    rooms.register.desk.restrict(case.id, by=BY)
    assert ask(house, house.api_key) == 403
    rooms.register.desk.lift(case.id, by=BY)
    assert ask(house, house.api_key) == 200


def test_old_conversations_go_by_their_age(house: Housed) -> None:
    """Where a rule says so, with their proof; those of another rule's age stay."""
    rooms = house.server.house
    organisation = rooms.identity.organisations()[0].id
    project = rooms.identity.projects(organisation=organisation)[0].id
    ben = rooms.identity.add_person(organisation, email="ben.aged@example.org")
    principal = rooms.identity.authenticate(rooms.identity.create_key(project, name="his", person=ben.id).secret)
    house.server.assistant.create(principal, "An old question")
    retentions = rooms.register.retentions

    retentions.set("conversations", 30, reason="house rule")
    assert [one.deleted for one in retentions.run()] == [0]
    retentions.set("conversations", 0, reason="house rule", organisation=organisation)
    until(lambda: [one.deleted for one in retentions.run()] == [1])
    assert rooms.register.proofs.verify() == ()
    assert not house.server.assistant.conversations(principal).conversations

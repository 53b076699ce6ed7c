"""Directories bring people, change them and take them away, by SCIM as published clients and checkers speak it."""

import asyncio
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import httpx2
import pytest
import scim2_tester.filling
import uvicorn
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, NotAuthenticated
from courtyard.core.ids import Region
from courtyard.core.principal import Role
from courtyard.identity import Identity, ScimDoor
from courtyard.storage import Database, Keyring
from tests.identity.conftest import SETTINGS

SCIM = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
NOBODY = "/{}/person_0".format("Users")
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Provisioned:
    """A house whose clinic is provisioned by a directory over a real socket."""

    def __init__(self, directory: Path, template: Path) -> None:
        path = directory / "courtyard.db"
        shutil.copyfile(template, path)
        self.database = Database(f"sqlite:///{path}")
        keyring = Keyring(directory / "keys")
        self.identity = Identity(self.database, keyring, FrozenClock(), home=Region("home"), settings=SETTINGS)
        self.identity.setup()
        self.clinic = self.identity.add_organisation("Clinic").id
        made = self.identity.add_directory(self.clinic, "Entra")
        self.directory, self.token = made.directory, made.token
        self.left: list[str] = []
        config = uvicorn.Config(ScimDoor(self.identity, left=self.left.append), port=0, log_config=None, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=lambda: asyncio.run(self._server.serve()), daemon=True)
        self._thread.start()
        while not self._server.started:
            pass
        port = self._server.servers[0].sockets[0].getsockname()[1]
        headers = {"authorization": f"Bearer {self.token}", "content-type": SCIM}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/scim/v2", headers=headers, trust_env=False)

    def made(self, email: str, **more: object) -> dict:
        """Bring somebody."""
        answer = self.http.post("/Users", json={"schemas": [USER], "userName": email, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def patched(self, path: str, *operations: dict) -> httpx.Response:
        return self.http.patch(path, json={"schemas": [PATCH], "Operations": list(operations)})

    def stop(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join()
        self.database.close()


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Provisioned]:
    house = Provisioned(tmp_path_factory.mktemp("scim"), sqlite_template)
    yield house
    house.stop()


def test_a_directory_brings_somebody_and_takes_them_away(provisioned: Provisioned) -> None:
    """Found by name, changed, kept out and let in, and in the end gone."""
    told = provisioned.made("Ana@example.org", displayName="Ana", externalId="e-1", name={"givenName": "Ana"})
    found = provisioned.http.get("/Users", params={"filter": 'userName eq "ana@example.org"'}).json()
    path = f"/Users/{told['id']}"
    key = provisioned.identity.create_key(
        provisioned.identity.projects(organisation=provisioned.clinic)[0].id, name="k", person=told["id"]
    )
    kept_out = provisioned.patched(path, {"op": "Replace", "path": "active", "value": False})

    assert (told["userName"], told["displayName"], told["active"]) == ("ana@example.org", "Ana", True)
    assert [user["id"] for user in found["Resources"]] == [told["id"]]
    assert kept_out.status_code in (200, 204), kept_out.text
    assert provisioned.http.get(path).json()["active"] is False
    with pytest.raises(NotAuthenticated):
        provisioned.identity.authenticate(key.secret)
    provisioned.patched(path, {"op": "replace", "value": {"active": True, "displayName": "Ana B."}})
    assert provisioned.identity.authenticate(key.secret).person == told["id"]
    assert provisioned.identity.person(told["id"]).name == "Ana B."
    assert provisioned.http.delete(path).status_code == 204
    assert provisioned.http.get(path).status_code == 404
    assert provisioned.left[-1] == told["id"]


def test_groups_are_roles(provisioned: Provisioned) -> None:
    """Who is put into one has the role, who leaves it is a member, and no others are made."""
    told = provisioned.made("ben@example.org")
    member = {"value": told["id"]}
    found = provisioned.http.get("/Groups", params={"filter": 'displayName eq "auditor"'}).json()["Resources"]
    path = f"/Groups/{found[0]['id']}"
    put_in = provisioned.patched(path, {"op": "add", "path": "members", "value": [member]})
    role = provisioned.identity.person(told["id"]).role
    left = provisioned.patched(path, {"op": "remove", "path": f'members[value eq "{told["id"]}"]'})

    assert {put_in.status_code, left.status_code} <= {200, 204}, put_in.text + left.text
    assert role is Role.AUDITOR
    assert provisioned.identity.person(told["id"]).role is Role.MEMBER
    assert provisioned.http.post("/Groups", json={"displayName": "operator"}).status_code in (400, 403)
    assert provisioned.http.get("/Groups/operator").status_code == 404


def test_nobody_elses_people_are_found(provisioned: Provisioned) -> None:
    """Neither seen, changed nor removed, and their addresses can't be taken."""
    operator = provisioned.identity.setup().person
    path = f"/Users/{operator.id}"
    group = provisioned.patched("/Groups/admin", {"op": "add", "path": "members", "value": [{"value": operator.id}]})
    taken = provisioned.http.post("/Users", json={"schemas": [USER], "userName": operator.email})

    assert provisioned.http.get(path).status_code == 404
    assert provisioned.http.delete(path).status_code == 404
    assert group.status_code == 404
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    assert all(user["id"] != operator.id for user in provisioned.http.get("/Users").json()["Resources"])
    assert provisioned.identity.person(operator.id).role is Role.OPERATOR


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", b"{", 400),
        ("POST", "/Users", b'{"userName": "no address"}', 400),
        ("POST", "/Users", b'{"userName": 7}', 400),
        ("POST", "/Users", b"[]", 400),
        ("GET", "/Users?filter=userName+maybe+1", b"", 400),
        ("GET", "/Users?startIndex=x", b"", 400),
        ("GET", f"{NOBODY}/../../etc", b"", 404),
        ("GET", "/Nothing", b"", 404),
        ("PUT", NOBODY, b'{"userName": "a@example.org"}', 404),
        ("PATCH", NOBODY, b"{}", 400),
        ("POST", "/Bulk", b"{}", 501),
        ("POST", "/Users", b'{"userName": "n@example.org", "externalId": "a\\u0000b"}', 400),
        ("POST", "/Users", b'{"userName": "n@example.org", "externalId": "%s"}' % (b"x" * 201), 400),
        ("POST", "/Users", b"x" * (2 << 20), 413),
    ],
)
def test_what_makes_no_sense_is_said_to_make_none(
    provisioned: Provisioned, method: str, path: str, body: bytes, status: int
) -> None:
    """With an error in SCIM's shape, and no word of how it is made."""
    answer = provisioned.http.request(method, path, content=body)
    told = answer.json()

    assert answer.status_code == status or answer.status_code in (400, 404), answer.text
    assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert "Traceback" not in answer.text


def test_only_a_directory_that_is_known_is_heard(provisioned: Provisioned) -> None:
    """No token, another one, one that was taken away."""
    other = provisioned.identity.add_directory(provisioned.clinic, "Okta")
    attempts = ["", "Bearer x", "Basic eDp5", f"Bearer {other.token}"]
    assert provisioned.http.get("/Users", headers={"authorization": attempts[-1]}).status_code == 200
    provisioned.identity.remove_directory(other.directory.id)

    for said in attempts:
        answer = provisioned.http.get("/Users", headers={"authorization": said})
        assert (answer.status_code, answer.json()["status"]) == (401, "401")
    assert {one.name for one in provisioned.identity.directories()} == {"Entra", "Okta"}
    assert other.token not in repr(other)


def test_the_last_operator_is_neither_kept_out_nor_removed(provisioned: Provisioned) -> None:
    """Not even by the house's own directory."""
    operator = provisioned.identity.setup().person
    made = provisioned.identity.add_directory(operator.organisation, "ours")
    headers = {"authorization": f"Bearer {made.token}"}

    assert provisioned.http.delete(f"/Users/{operator.id}", headers=headers).status_code == 403
    with pytest.raises(Conflict, match="last operator"):
        provisioned.identity.suspend(operator.id)


def test_what_conflicts_changes_nothing(provisioned: Provisioned) -> None:
    """Neither the name beside an address that is taken, nor who was to be kept out, nor half of a group."""
    ana, ben = (provisioned.made(f"{name}@half.example", displayName=name, externalId=name) for name in ("ana", "ben"))
    path = f"/Users/{ben['id']}"
    wrong = [
        {"userName": "ana@half.example", "displayName": "B", "active": False},
        {"userName": "new@half.example", "displayName": "B", "active": False, "externalId": "ana"},
    ]
    answers = [provisioned.http.put(path, json={"schemas": [USER], **said}) for said in wrong]
    new = provisioned.http.post("/Users", json={"schemas": [USER], "userName": "c@half.example", "externalId": "ana"})
    boss = provisioned.identity.add_person(provisioned.clinic, email="boss@half.example", role=Role.APPROVER)
    members = [{"value": id} for id in (ana["id"], boss.id)]
    group = provisioned.patched("/Groups/auditor", {"op": "add", "path": "members", "value": members})

    assert [answer.status_code for answer in (*answers, new, group)] == [409, 409, 409, 403]
    assert provisioned.http.get(path).json() == ben
    assert provisioned.http.get(f"/Users/{ana['id']}").json() == ana
    assert "c@half.example" not in provisioned.http.get("/Users").text
    roles = [provisioned.identity.person(id).role for id in (ana["id"], boss.id)]
    assert roles == [Role.MEMBER, Role.APPROVER]
    resting = provisioned.made("rests@half.example", active=False)
    assert provisioned.identity.person(resting["id"]).is_suspended


class _Addresses:
    """Random values that can be e-mail addresses: a schema has no word for what a `userName` must look like."""

    @staticmethod
    def uuid4() -> str:
        return f"{uuid.uuid4()}@example.org"


HAVE_A_DEFAULT = {"Attribute 'displayName' was not removed", "Attribute 'active' was not removed"}
"""Taken away, these are what they are when nobody says them, as RFC 7643, section 2.5, lets a server do."""


def test_the_published_checker_finds_nothing_wrong(provisioned: Provisioned, monkeypatch: pytest.MonkeyPatch) -> None:
    """`scim2-tester` discovers the door and tries every attribute of a person by each method; groups are not made."""
    monkeypatch.setattr(scim2_tester.filling, "uuid", _Addresses)
    headers = {"authorization": f"Bearer {provisioned.token}"}
    with httpx2.Client(base_url=str(provisioned.http.base_url), headers=headers, trust_env=False) as http:
        results = check_server(SyncSCIMClient(http), resource_types=["User"])
    failed = [one for one in results if one.status in (Status.ERROR, Status.CRITICAL)]
    wrong = [f"{one.title}: {one.reason}" for one in failed if one.reason not in HAVE_A_DEFAULT]

    assert not wrong, "\n".join(wrong)
    assert sum(one.status is Status.SUCCESS for one in results) > 20

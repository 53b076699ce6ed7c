"""Keys over their lives: scoped, expired, rotated and revoked, beside a server that runs."""

import json

import pytest

from courtyard.core.ids import ModelName
from courtyard.core.principal import Role
from tests.walk.books import opened
from tests.walk.load import BODY, post
from tests.walk.server import Running, courtyard
from tests.walk.wait import until
from tests.walk.wire import CHAT, wired

MESSAGES = "/v1/messages"


def _make(server: Running, name: str, **more) -> tuple[str, str]:
    """Make a key; return its id and its secret once the server knows it."""
    with opened(server.data_dir) as house:
        (project, *_) = house.identity.projects()
        made = house.identity.create_key(project.id, name=name, **more)
    until(lambda: _heard(server, made.secret)[1] != "invalid_api_key")
    return made.key.id, made.secret


def _heard(server: Running, secret: str, door: str = CHAT, **more) -> tuple[int, str]:
    """Ask, and return the status and the error's code."""
    status, _, body = post(server, door, BODY | {"max_tokens": 20} | more, key=secret)
    return status, "" if status == 200 else json.loads(body)["error"]["code"]


def test_a_key_is_good_until_its_expiry(server):
    """Then it is a 401 of its own code, in either dialect."""
    with opened(server.data_dir) as house:
        expires_at_ms = house.clock.now_ms() + 3000
    _, secret = _make(server, "brief", expires_at_ms=expires_at_ms)
    until(lambda: _heard(server, secret)[0] == 401)
    refused = [post(server, door, BODY | {"max_tokens": 5}, key=secret) for door in (CHAT, MESSAGES)]

    assert [json.loads(body)["error"]["code"] for _, _, body in refused] == ["key_expired", "key_expired"]
    assert [json.loads(body)["error"]["type"] for _, _, body in refused] == ["authentication_error"] * 2
    assert [headers["www-authenticate"] for _, headers, _ in refused] == ["Bearer", "Bearer"]


def test_a_key_that_is_revoked_elsewhere_is_refused_here(server):
    """By the command line in another process; a connection that was kept is no way in either."""
    id, secret = _make(server, "stolen")
    with wired(server) as wire:
        ask = wire.request(CHAT, BODY).replace(server.api_key.encode(), secret.encode())
        wire.send(ask)
        before = wire.answer().status
        courtyard("keys", "revoke", id, "--yes", data_dir=server.data_dir)
        until(lambda: _heard(server, secret) == (401, "invalid_api_key"))
        wire.send(ask)
        after = wire.answer().status

    assert (before, after) == (200, 401)
    assert _heard(server, server.api_key)[0] == 200


def test_a_rotated_key_works_beside_its_successor_for_a_while(server):
    """Both secrets are good within the overlap; without one the old secret ends at once."""
    id, first = _make(server, "rotated")
    second = courtyard("keys", "rotate", id, "--overlap", "1h", data_dir=server.data_dir).stdout.strip()
    until(lambda: _heard(server, second)[0] == 200)
    within = _heard(server, first)
    third = courtyard("keys", "rotate", id, "--overlap", "0s", data_dir=server.data_dir).stdout.strip()
    until(lambda: _heard(server, third)[0] == 200)
    until(lambda: _heard(server, second)[0] == 401)

    assert within == (200, "")
    assert len({first, second, third}) == 3
    assert _heard(server, first)[0] == 401


@pytest.mark.parametrize("door", [CHAT, MESSAGES])
def test_a_key_asks_only_the_models_of_its_scope(server, door):
    """Another model is a 403 that names the scope, and is not listed; an alias does not widen it."""
    with opened(server.data_dir) as house:
        house.catalogue.add("other", url="http://127.0.0.1:9", upstream="m", engine="other")
        house.catalogue.set_alias("also-other", "other")
    _, secret = _make(server, f"scoped {door}", models=[ModelName("echo")])
    until(lambda: _heard(server, server.api_key, model="also-other")[0] != 404)
    refused = [_heard(server, secret, door, model=model) for model in ("other", "also-other")]
    with wired(server) as wire:
        listing = wire.head("/v1/models", method="GET").replace(server.api_key.encode(), secret.encode())
        wire.send(listing)
        listed = {model["id"] for model in json.loads(wire.answer().body)["data"]}

    assert _heard(server, secret, door) == (200, "")
    assert refused == [(403, "policy_denied")] * 2
    assert "echo" in listed
    assert not {"other", "also-other"} & listed


def test_an_auditor_reads_and_asks_no_model(server):
    """A 403 that says whose key to use; the list of models is open to it."""
    _, secret = _make(server, "auditor", role=Role.AUDITOR)
    status, _, body = post(server, CHAT, BODY, key=secret)
    with wired(server) as wire:
        wire.send(wire.head("/v1/models", method="GET").replace(server.api_key.encode(), secret.encode()))
        listed = wire.answer()

    assert (status, json.loads(body)["error"]["code"]) == (403, "policy_denied")
    assert "member's key" in json.loads(body)["error"]["message"]
    assert listed.status == 200


def test_metrics_are_for_this_machine_and_for_operators(server):
    """From elsewhere, which is what a proxy says, a member's key does not do."""
    _, member = _make(server, "member of metrics", role=Role.MEMBER)
    _, operator = _make(server, "operator of metrics", role=Role.OPERATOR)
    heard = {}
    with wired(server) as wire:
        for who, secret in {"nobody": "", "member": member, "operator": operator}.items():
            asked = wire.head("/metrics", "X-Forwarded-For: 203.0.113.7", method="GET")
            wire.send(asked.replace(server.api_key.encode(), secret.encode()))
            heard[who] = wire.answer().status
        wire.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        here = wire.answer().status
        wire.send(b"GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n")
        rebound = wire.answer().status

    assert rebound == 401
    assert heard == {"nobody": 401, "member": 403, "operator": 200}
    assert here == 200


def test_no_secret_is_kept(server):
    """Of a key there is only a keyed digest: its secret stands in no file of the data directory, nor in the log."""
    _, secret = _make(server, "looked for")
    assert _heard(server, secret)[0] == 200
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    files.append(server.data_dir.parent / f"{server.data_dir.name}.log")

    assert len(files) > 3
    assert [path for path in files if secret.encode() in path.read_bytes()] == []

"""What the server tells of itself: one line a request, numbers, health, and never content or a secret."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from courtyard.core.ids import ModelName
from tests.walk.books import opened
from tests.walk.load import BODY, post
from tests.walk.server import Running, serving
from tests.walk.wait import until
from tests.walk.wire import CHAT, Answer, wired

MESSAGES = "/v1/messages"
PROMPT = "the-prompt-that-nobody-logs"
SYSTEM = "the-instructions-that-nobody-logs"
WRONG_KEY = "cy_live_0123456789abcdefghijkl"
MISTAKE = "a-role-that-nobody-logs"
FORGED = "m\n12:00:00.000 200 POST /v1/forged"


@pytest.fixture(scope="module", params=["console", "json"])
def told(request, tmp_path_factory):
    """A server that was asked all kinds of things, and stopped; with the ids and statuses of what it was asked."""
    data = tmp_path_factory.mktemp("telling") / "data"
    with serving(data, environ={"COURTYARD_TELEMETRY__LOG_FORMAT": request.param}) as server:
        asked = _ask_all_kinds_of_things(server)
        server.stop()
    return request.param, server, asked, (data.parent / "data.log").read_text()


def _ask_all_kinds_of_things(server: Running) -> dict[str, int]:
    """Ask, and return the status by the id of the request."""
    said = BODY | {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 50}
    tools = [{"type": "function", "function": {"name": "f", "description": SYSTEM, "parameters": {"type": "object"}}}]
    with wired(server) as wire:
        answers = [
            wire.ask(CHAT, said | {"messages": [{"role": "system", "content": SYSTEM}, *said["messages"]]}),
            wire.ask(CHAT, said | {"stream": True}),
            wire.ask(CHAT, said | {"tools": tools, "tool_choice": "required"}),
            wire.ask(MESSAGES, said | {"system": SYSTEM}),
            wire.ask("/v1/completions", {"model": "echo", "prompt": PROMPT}),
            wire.ask("/v1/responses", {"model": "echo", "input": PROMPT, "instructions": SYSTEM}),
            wire.ask("/v1/embeddings", {"model": "echo", "input": PROMPT}),
            wire.ask(CHAT, said, f"X-Request-Id: {server.api_key}"),
            wire.ask(CHAT, said, f"Traceparent: {server.api_key}"),
            wire.ask(CHAT, said | {"messages": [{"role": MISTAKE, "content": PROMPT}]}),
            wire.ask(CHAT, said | {"messages": PROMPT}),
            wire.ask(CHAT, PROMPT.encode()),
            wire.ask(CHAT, said | {"model": FORGED}),
            wire.ask(f"/v1/{server.api_key}", said),
            wire.ask(f"{CHAT}?key={server.api_key}", said),
            wire.ask("/v1/" + "x" * 5000, said),
        ]
    status, headers, _ = post(server, CHAT, said, key=WRONG_KEY)
    return {answer.headers["x-courtyard-request"]: answer.status for answer in answers} | {
        headers["x-courtyard-request"]: status
    }


def test_each_request_has_one_line(told):
    """With its id and its status, and no line is there that no request made."""
    log_format, _, asked, log = told
    lines = log.splitlines()
    of_requests = {id: [line for line in lines if id in line and "/v1/" in line] for id in asked}

    assert {id: len(found) for id, found in of_requests.items()} == dict.fromkeys(asked, 1)
    for id, (line,) in of_requests.items():
        read = json.loads(line)["status"] if log_format == "json" else int(line.split()[1])
        assert read == asked[id]
    assert not [line for line in lines if line.startswith("12:00:00.000")]
    assert max(map(len, lines)) < 2000


def test_neither_content_nor_secrets_are_logged(told):
    """Not the prompt, not the answer, which is an echo of it, no key, no link, wherever they were put."""
    _, server, _, log = told
    secrets = (PROMPT, SYSTEM, MISTAKE, WRONG_KEY, server.api_key, server.sign_in.partition("token=")[2])

    assert len(log) > 1000
    assert [secret for secret in secrets if secret in log] == []


def test_nor_are_they_kept_in_the_books(told):
    """Receipts and evidence hold counts and names, and no content."""
    _, server, _, _ = told
    within = [path for room in ("journal", "evidence") for path in (server.data_dir / room).rglob("*")]
    files = [path for path in within if path.is_file()]
    files += list(server.data_dir.glob("*.db*"))
    kept = b"".join(path.read_bytes() for path in files)

    assert len(kept) > 1000
    assert [word for word in (PROMPT, SYSTEM, MISTAKE, server.api_key) if word.encode() in kept] == []


def test_ids_go_in_and_out(server):
    """The caller's id comes back, ours stands beside it, and Anthropic's client finds it where it looks."""
    with wired(server) as wire:
        openai = wire.ask(CHAT, BODY, "X-Request-Id: mine-1")
        anthropic = wire.ask(MESSAGES, BODY | {"max_tokens": 9}, "X-Request-Id: mine-2")
        refused = wire.ask(MESSAGES, {}, "X-Request-Id: mine-3")
        plain = wire.ask(CHAT, BODY)

    assert [one.headers["x-request-id"] for one in (openai, anthropic, refused)] == ["mine-1", "mine-2", "mine-3"]
    assert plain.headers["x-request-id"] == plain.headers["x-courtyard-request"]
    assert anthropic.headers["request-id"] == anthropic.headers["x-courtyard-request"]
    assert json.loads(refused.body)["request_id"] == refused.headers["x-courtyard-request"]
    assert json.loads(openai.body)["courtyard"]["receipt"] == openai.headers["x-courtyard-request"]
    with opened(server.data_dir) as house:
        until(lambda: house.evidence.records().records)


def test_a_refused_request_is_counted_under_the_catalogues_name(server):
    """Whatever alias it came by, as an answered one is."""
    with opened(server.data_dir) as house:
        project = house.identity.projects()[0].id
        key = house.identity.create_key(project, name="other", models=[ModelName("other")]).secret
    until(lambda: post(server, CHAT, BODY | {"model": "default"}, key=key)[0] == 403)

    refused = {dict(labels)["model"] for (_, labels) in _metrics(server) if ("error", "policy_denied") in labels}
    assert refused == {"echo"}


def test_metrics_count_what_happened(server):
    """Requests by status, tokens by direction, cost, engines; and made-up names make no series of their own."""
    before = _metrics(server)
    status, _, body = post(server, CHAT, BODY)
    post(server, CHAT, BODY | {"model": "made-up-name"})
    with wired(server) as wire:
        wire.ask("/v1/made-up-address", BODY)
    after = _metrics(server)

    def grown(name: str, **labels: str) -> float:
        def total(samples):
            return sum(
                number for (its, had), number in samples.items() if its == name and labels.items() <= dict(had).items()
            )

        return total(after) - total(before)

    usage, cost = json.loads(body)["usage"], json.loads(body)["courtyard"]["cost"]
    assert status == 200
    assert grown("courtyard_requests_total", status="200", model="echo", path=CHAT) == 1
    assert grown("courtyard_requests_total", status="404") == 2
    assert grown("courtyard_tokens_total", direction="input") == usage["prompt_tokens"]
    assert grown("courtyard_tokens_total", direction="output") == usage["completion_tokens"]
    assert grown("courtyard_cost_nano_total") == cost["count"]
    assert grown("courtyard_request_duration_seconds_count", path=CHAT) == 2
    assert not [had for _, had in after if "made-up" in repr(had)]


def test_health_and_readiness(server):
    """Alive is one thing, ready another; neither needs a key, and neither takes anything but a look."""
    alive, ready = _get(server, "/healthz"), _get(server, "/readyz")
    looked, posted = _get(server, "/readyz", method="HEAD"), _get(server, "/healthz", method="POST")

    assert (alive.status, json.loads(alive.body)) == (200, {"status": "ok"})
    assert ready.status == 200
    assert json.loads(ready.body)["engines"]["embedded-echo"] is True
    assert (looked.status, looked.body) == (200, b"")
    assert (posted.status, posted.headers["allow"]) == (405, "GET")


def _get(server: Running, path: str, *, method: str = "GET") -> Answer:
    with wired(server) as wire:
        wire.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        status, headers = wire.begun()
        body = b"" if method == "HEAD" else b"".join(wire.pieces(headers))
        assert wire.is_closed
    return Answer(status=status, headers=headers, body=body)


def _metrics(server: Running) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read each series and its number."""
    text = _get(server, "/metrics").body.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

"""Who hangs up pays for what arrived, and not for more."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.browser.slow import slow_upstream
from tests.walk.server import Running, courtyard, serving

WORDS = 12
BODY = {
    "model": "slow",
    "messages": [{"role": "user", "content": " ".join(f"w{number}" for number in range(WORDS))}],
    "stream": True,
}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose model says a word in each 50 ms."""
    data = tmp_path_factory.mktemp("hangup") / "data"
    with slow_upstream(delay_ms=50) as upstream, serving(data, model="none") as running:
        courtyard("models", "add", "slow", "--url", upstream.url, "--upstream-model", "m", data_dir=data)
        time.sleep(1)
        yield running


def _leave_after(server: Running, chunks: int) -> str:
    """Read so many pieces of text, then close the connection; return the request's id."""
    connection = HTTPConnection(*server.address, timeout=30)
    headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(BODY), headers)
    response = connection.getresponse()
    seen = 0
    while seen < chunks:
        line = response.readline()
        assert line, "the stream ended too soon"
        if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
            seen += 1
    response.close()
    connection.close()
    return response.headers["x-courtyard-request"]


def _receipts(server: Running, wanted: set[str]) -> dict[str, Any]:
    """Wait until these requests have their receipts."""
    until = time.monotonic() + 20
    while True:
        listed = json.loads(courtyard("receipts", "list", "--json", data_dir=server.data_dir).stdout)
        found = {receipt["id"]: receipt for receipt in listed["receipts"]}
        if wanted <= found.keys():
            return found
        assert time.monotonic() < until, f"no receipts of {wanted - found.keys()}"


def test_a_client_that_hangs_up_pays_for_what_it_got(slow):
    """Charged tokens are delivered tokens, wherever the client leaves."""
    left = {chunks: _leave_after(slow, chunks) for chunks in range(1, WORDS)}
    receipts = _receipts(slow, set(left.values()))

    assert {chunks: receipts[id]["usage"]["output"] for chunks, id in left.items()} == {n: n for n in left}
    assert {receipts[id]["outcome"] for id in left.values()} == {"hangup"}

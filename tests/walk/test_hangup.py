"""Who hangs up pays for what arrived, and not for more."""

import json
import subprocess
import time
from http.client import HTTPConnection

import pytest

from tests.walk.server import Running, courtyard

WORDS = 12
BODY = {
    "model": "slow",
    "messages": [{"role": "user", "content": " ".join(f"w{n}" for n in range(WORDS))}],
    "stream": True,
}


def _read_until(server: Running, chunks: int) -> tuple[str, int]:
    """Read so many pieces of text, then leave; return the request's id and how many pieces came."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(BODY), headers)
    response = connection.getresponse()
    seen = 0
    while seen < chunks:
        line = response.readline()
        assert line, "the stream ended too soon"
        if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
            seen += 1
    connection.sock.close() if connection.sock else response.close()
    response.close()
    return response.headers["x-courtyard-request"], seen


def _receipt(server: Running, id: str) -> dict:
    for _ in range(50):
        try:
            return json.loads(courtyard("receipts", "show", id, "--json", data_dir=server.data_dir).stdout)
        except subprocess.CalledProcessError:
            time.sleep(0.2)
    raise AssertionError(f"no receipt of {id}")


@pytest.mark.parametrize("chunks", range(1, WORDS))
def test_a_client_that_hangs_up_pays_for_what_it_got(slow_server, chunks):
    """Charged tokens are delivered tokens, wherever the client leaves."""
    id, seen = _read_until(slow_server, chunks)
    receipt = _receipt(slow_server, id)

    assert receipt["outcome"] == "hangup"
    assert receipt["usage"]["output"] == seen

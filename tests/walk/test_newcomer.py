"""Somebody who has only the README: a fresh clone, `make run`, and the clients they know."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.walk.server import ROOT, Running, courtyard

INSTALL_S = 900


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Iterator[Running]:
    """A fresh clone's `make run` with the small model, which this machine has in its store already."""
    home = tmp_path_factory.mktemp("newcomer")
    clone = home / "courtyard"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    data = clone / "data"
    (data / "models").mkdir(parents=True)
    (data / "models" / small_model.name).symlink_to(small_model)
    environ = {name: value for name, value in os.environ.items() if name not in ("VENV", "VIRTUAL_ENV", "MAKEFLAGS")}
    process = subprocess.Popen(
        ["make", "run", "MODEL=small", "ARGS=--port 0 --json"],
        cwd=clone,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith("{")), "")
        assert line, process.stderr.read() if process.stderr else ""
        yield Running(process=process, data_dir=data, **json.loads(line))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(INSTALL_S)
def test_a_newcomer_is_served_and_every_token_is_on_the_books(newcomer):
    """Both clients chat, vectors come back, and usage and ledger agree to the nano with what the clients were told."""
    openai = OpenAI(base_url=newcomer.url + "/v1", api_key=newcomer.api_key)
    question = [{"role": "user", "content": "What is the capital of Kenya? Answer in one sentence."}]
    whole = openai.chat.completions.create(model="default", messages=question, max_tokens=40, temperature=0)
    *pieces, last = openai.chat.completions.create(
        model="default",
        messages=question,
        max_tokens=40,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    anthropic = Anthropic(base_url=newcomer.url, api_key=newcomer.api_key)
    message = anthropic.messages.create(model="default", max_tokens=40, messages=question)
    vectors = openai.embeddings.create(model="embed", input=["bread", "butter"])
    told = [one.model_extra["courtyard"] for one in (whole, last, message, vectors)]

    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert "Nairobi" in whole.choices[0].message.content
    assert text == whole.choices[0].message.content
    assert message.content[0].text
    assert [len(one.embedding) for one in vectors.data] == [384, 384]

    newcomer.process.poll()
    data = {"data_dir": newcomer.data_dir}
    receipts = [json.loads(courtyard("receipts", "show", one["receipt"], "--json", **data).stdout) for one in told]
    assert [receipt["cost"] for receipt in receipts] == [one["cost"] for one in told]
    rows = json.loads(courtyard("usage", "--by", "model", "--json", **data).stdout)
    assert sum(row["cost"]["count"] for row in rows) == sum(one["cost"]["count"] for one in told)
    assert json.loads(courtyard("ledger", "check", "--json", **data).stdout)["findings"] == []
    assert courtyard("evidence", "verify", **data).returncode == 0

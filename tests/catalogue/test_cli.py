import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from courtyard.cli.common import open_house
from courtyard.cli.models import app
from tests.catalogue.hub import REPO, LocalHub
from tests.catalogue.making import gguf
from tests.catalogue.plugin import install

FILE = "Tiny-Chat.Q4_0.gguf"
URL = "http://127.0.0.1:9/v1"


class Command:
    """`courtyard models`, on a data directory of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data-dir", str(self.data_dir)])

    def json(self, *arguments: str) -> Any:
        """What a command prints for machines: one line, and nothing else."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        (line,) = result.stdout.splitlines()
        return json.loads(line)


@pytest.fixture
def command(tmp_path: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COURTYARD_MODELS__HUB_URL", hub.url)
    monkeypatch.setenv("COLUMNS", "200")
    with open_house(tmp_path / "data", new=True):
        return Command(tmp_path / "data")


@pytest.fixture
def server() -> Iterator[str]:
    """An OpenAI-compatible server that says three words, to those who have its key."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("authorization") != "Bearer sk-right":
                self._send(401, "application/json", b'{"error": {"message": "wrong key"}}')
                return
            pieces = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("Hello ", "there", "!")]
            pieces.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            pieces.append({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})
            lines = "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces) + "data: [DONE]\n\n"
            self._send(200, "text/event-stream", lines.encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_empty_house_says_how_to_begin(command: Command) -> None:
    """The list names what can be brought, with size, memory and licence."""
    result = command("list")

    assert result.exit_code == 0
    assert "courtyard models pull default" in result.output
    assert "qwen2.5-coder-1.5b-instruct" in result.output
    assert "1.12 GB" in result.output
    assert "Apache-2.0" in result.output


def test_a_server_is_added_listed_and_removed(command: Command) -> None:
    """Each step reads well, and says the same to machines."""
    added = command.json(
        "add", "big", "--url", URL, "--upstream-model", "Org/Big", "--key-env", "UNSET_KEY", "--alias", "fast",
        "--weight", "2", "--option", "stall_s=30", "--option", "tokens_field=max_completion_tokens",
    )  # fmt: skip
    shown, listed = command("list"), command.json("list")

    assert added["placements"] == [{"engine": "127.0.0.1-9", "model": "Org/Big", "weight": 2, "rank": 0}]
    assert listed["models"] == [added]
    (engine,) = listed["engines"]
    assert engine["problem"] == "the environment variable UNSET_KEY with its key is not set"
    assert engine["entry"]["options"] == {"stall_s": 30, "tokens_field": "max_completion_tokens"}
    assert "UNSET_KEY with its key is not set; what counts is where `courtyard serve` runs" in shown.output
    assert "can't run here" not in shown.output
    assert command.json("alias", "quick", "fast") == {"alias": "quick", "model": "big"}
    assert command.json("alias", "quick", "--remove") == {"alias": "quick", "model": None}
    assert "big is out of service" in command("remove", "big").output
    assert command.json("list")["models"] == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("add", "big", "--url", "ftp://x"), "begins with http"),
        (("add", "big", "--url", URL, "--option", "nothing"), "NAME=VALUE"),
        (("add", "big", "--url", URL, "--option", "stal_s=3"), "stal_s"),
        (("add", "big", "--url", URL, "--kind", "song"), "song"),
        (("add", "big"), "say where it runs"),
        (("add", "big", "--plugin", "whistling"), "no engine plugin 'whistling' is installed"),
        (("configure", "nobody", "--option", "stall_s=3"), "no model 'nobody'"),
        (("remove", "nobody"), "there is no model 'nobody'"),
        (("alias", "fast"), "or --remove"),
        (("alias", "fast", "nobody"), "no model 'nobody'"),
        (("test", "nobody"), "no model 'nobody'"),
        (("pull", "nobody"), "no model 'nobody'"),
        (("pull", REPO, "nothing.gguf"), "HTTP 404: it has no such file"),
    ],
)
def test_what_can_not_be_is_one_line(command: Command, arguments: tuple[str, ...], why: str) -> None:
    """A mistake ends with a sentence and a status, never with a traceback."""
    result = command(*arguments)

    assert result.exit_code in (1, 2)
    assert why in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_model_is_pulled_with_progress(command: Command, hub: LocalHub) -> None:
    """A person sees what goes on; the model is served afterwards."""
    hub.files[FILE] = gguf()

    result = command("pull", REPO, FILE, "--name", "tiny")

    assert result.exit_code == 0, result.output
    assert f"→ downloading {FILE}" in result.stderr
    assert "tiny runs on embedded-tiny" in result.output
    assert "2048 tokens of context" in result.output
    assert [model["name"] for model in command.json("list")["models"]] == ["tiny"]


def test_pulling_speaks_to_machines_in_one_line(command: Command, hub: LocalHub) -> None:
    """Nothing but the model stands on standard output."""
    hub.files[FILE] = gguf()

    assert command.json("pull", REPO, FILE, "--only-file") == {"file": FILE, "served": False}
    pulled = command.json("pull", REPO, FILE, "--layout", "modelscope")

    assert pulled["digest"] == hashlib.sha256(hub.files[FILE]).hexdigest()
    assert command.json("remove", pulled["name"], "--file") == {"removed": pulled["name"], "engine": None}
    assert not (command.data_dir / "models" / FILE).exists()


def test_an_engine_of_another_plugin_is_served(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is added by the plugin's name, set up by options, and answers."""
    install(tmp_path / "site", monkeypatch)

    added = command.json("add", "loud", "--plugin", "shouting", "--option", "marks=2")
    told = command.json("test", "loud")
    configured = command.json("configure", "loud", "--option", "marks=3")

    assert added["placements"] == [{"engine": "shouting", "model": "loud", "weight": 1, "rank": 0}]
    assert told["trials"][0]["text"] == "SAY HELLO IN ONE SHORT SENTENCE.!!"
    assert configured["options"] == {"marks": 3}
    assert "shouting has marks=3" in command("configure", "loud").output
    assert "shouting has every option at its default" in command("configure", "loud", "--option", "marks=").output


def test_models_that_need_no_file_are_pulled_by_name(command: Command) -> None:
    """`pull echo` serves it at once."""
    assert command.json("pull", "echo")["placements"][0]["engine"] == "embedded-echo"


def test_a_trial_tells_how_each_engine_answers(command: Command, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answers with its speed, one is not there, one has no key; the command succeeds because one answers."""
    monkeypatch.setenv("RIGHT_KEY", "sk-right")
    command.json("add", "big", "--url", server, "--key-env", "RIGHT_KEY", "--engine", "well")
    command.json("add", "big", "--url", URL, "--engine", "gone")
    command.json("add", "big", "--url", server, "--key-env", "UNSET_KEY", "--engine", "keyless")

    told = command.json("test", "big")
    trials = {trial["engine"]: trial for trial in told["trials"]}

    assert trials["well"]["ok"]
    assert trials["well"]["text"] == "Hello there!"
    assert trials["well"]["tokens"] == 3
    assert trials["well"]["first_ms"] >= 0
    assert "can't be reached" in trials["gone"]["error"]
    assert "UNSET_KEY" in trials["keyless"]["error"]
    shown = command("test", "big")
    assert "Hello there!" in shown.output
    assert "can't be reached" in shown.output


def test_a_trial_that_fails_everywhere_fails(command: Command, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key is told as the server tells it, without the key."""
    monkeypatch.setenv("WRONG_KEY", "sk-wrong")
    command.json("add", "big", "--url", server, "--key-env", "WRONG_KEY")

    result = command("test", "big")

    assert result.exit_code == 1
    assert "no engine of big answered" in result.output
    assert "sk-wrong" not in result.output


def test_a_trial_of_embeddings_tells_their_length(command: Command) -> None:
    """What is asked for a vector tells how long it is."""
    command.json("pull", "echo")

    (chat,) = command.json("test", "echo")["trials"]
    (vector,) = command.json("test", "echo", "--kind", "embedding")["trials"]

    assert (chat["kind"], chat["text"]) == ("chat", "Say hello in one short sentence.")
    assert (vector["kind"], vector["dimensions"], vector["ok"]) == ("embedding", 64, True)
    assert "a vector of 64 dimensions" in command("test", "echo", "--kind", "embedding").output


def test_a_server_that_is_not_there_is_added_with_a_note(command: Command) -> None:
    """It may come later; the note, and what was assumed, stand on standard error."""
    added = command("add", "big", "--url", URL)
    known = command("add", "known", "--url", URL, "--context", "4096", "--json")

    assert added.exit_code == known.exit_code == 0
    assert "127.0.0.1-9 is not ready, seen from here: " in added.stderr
    assert "its context is assumed to be 8192 tokens" in added.stderr
    assert "is not ready" in known.stderr
    assert "assumed" not in known.stderr
    assert json.loads(known.stdout)["context_tokens"] == 4096

"""What is installed is what was looked at, nobody outside says where a request goes, and nothing is kept for payers."""

import re
import tomllib
from typing import Any

import pytest

from tests.engines.raw_server import replying
from tests.peers.doors import DOORS, Asker
from tests.walk.housed import Housed
from tests.walk.server import ROOT
from tests.walk.upstreams import scripted
from tests.walk.wire import wired


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_dependency_is_pinned_by_its_digest(lock: str) -> None:
    """A release that somebody takes over is another file, and is not installed."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    assert len(pinned) > 20
    assert [line for line in pinned if not re.match(r"[\w.\[\]-]+==\S+.* --hash=sha256:[0-9a-f]{64}", line)] == []
    assert "--require-hashes" in (ROOT / "tools" / "install.py").read_text()


def test_no_caller_says_where_a_request_goes(house: Housed) -> None:
    """Whatever names an address, in headers or in the body as with other gateways, nobody there is spoken to."""
    with scripted(replying(200, {"choices": []})) as inside:
        named: dict[str, Any] = dict.fromkeys(("api_base", "base_url", "custom_llm_provider", "webhook"), inside.url)
        named["extra_headers"] = {"Host": inside.url}
        picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"{inside.url}/a.png"}}]}]
        headers = [
            f"{name}: {inside.url}"
            for name in ("X-Portkey-Custom-Host", "X-Forwarded-Host", "X-Base-Url", "Openai-Api-Base", "Referer")
        ]
        asker = Asker(house)
        statuses = [asker.ask(path, stream=stream, **named).status for path, stream in DOORS]
        with wired(house) as wire:
            said = {"model": "echo", "messages": [{"role": "user", "content": "one"}]}
            statuses.append(wire.ask("/v1/chat/completions", said, *headers).status)
            wire.ask("/v1/chat/completions", said | {"messages": picture})

    assert set(statuses) == {200}
    assert inside.connections == 0


def test_nothing_is_kept_for_those_who_pay() -> None:
    """One package under one free licence, with sign-on, audit, metering and all the rest; no edition is spoken of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    editions = re.compile(r"\b(enterprise|premium|pro|community) (edition|feature|build|licen[cs]e)", re.IGNORECASE)
    files = [path for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".html", ".toml")]

    assert (project["license"], len(files) > 200) == ("Apache-2.0", True)
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()
    assert [path.name for path in files if editions.search(path.read_text())] == []

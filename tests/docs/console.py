"""Runs what a page tells its reader to type, against a server that stands in for the reader's."""

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sybil import Example

from courtyard import settings
from tests.forking import shim_directory
from tests.walk.server import Running, serving

ROOT = Path(__file__).parents[2]

READERS_URL = "http://127.0.0.1:8420"
"""Where a reader's server listens; pages say this."""

_COMMAND_S = 120
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Somebody who follows a page: a directory of their own, and a running server."""

    directory: Path
    server: Running

    def run(self, command: str) -> str:
        """Run a command as a shell would, and return what it prints."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._real(command)],
            cwd=ROOT if command.startswith("make ") else self.directory,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout.replace(self.server.url, READERS_URL)

    @property
    def environ(self) -> dict[str, str]:
        """The environment in which pages' commands and programs run."""
        return {
            "PATH": f"{shim_directory()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COURTYARD_DATA_DIR": str(self.directory / "data"),
            "COURTYARD_URL": self.server.url,
            "COURTYARD_API_KEY": self.server.api_key,
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }

    def _real(self, command: str) -> str:
        """Make what would not end, or would install, into what can be tried."""
        if command.startswith("make "):
            return f"make --dry-run {command.removeprefix('make ')}"
        return command.replace(READERS_URL, self.server.url)


def reading(directory: Path) -> Iterator[Reader]:
    """A reader whose server is up, for as long as the pages are read."""
    for name in ("examples", "deploy"):
        if (ROOT / name).exists():
            (directory / name).symlink_to(ROOT / name)
    with serving(directory / "data", model="echo") as server:
        yield Reader(directory=directory, server=server)


def run_console(example: Example) -> str | None:
    """Run each `$` command of a block; what stands under it is what it prints, `...` for anything."""
    reader: Reader = example.namespace["reader"]
    for command, expected in _sessions(example.parsed):
        printed = _serve(reader, command) if command.startswith("courtyard serve") else reader.run(command)
        if expected and not doctest.OutputChecker().check_output(expected, printed, _FLAGS):
            return f"$ {command}\nexpected:\n{expected}\nprinted:\n{printed}"
    return None


def run_python(example: Example) -> None:
    """Run a Python block; the blocks of a page share their names."""
    reader: Reader = example.namespace["reader"]
    source = example.parsed.replace(READERS_URL, reader.server.url).replace("cy_…", reader.server.api_key)
    code = compile("\n" * (example.line + example.parsed.line_offset - 1) + source, example.path, "exec")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in reader.environ.items():
            patch.setenv(name, value)
        exec(code, example.namespace)


def read_toml(example: Example) -> None:
    """Read a block of settings as the server would; entry points need only be TOML."""
    tree = tomllib.loads(example.parsed)
    if "project" in tree:
        return
    reader: Reader = example.namespace["reader"]
    directory = reader.directory / "settings"
    directory.mkdir(exist_ok=True)
    (directory / "courtyard.toml").write_text(example.parsed)
    settings.load(data_dir=directory, environ={})


def _sessions(block: str) -> Iterator[tuple[str, str]]:
    """Split a block into commands, each with what it prints. A line that ends in a backslash goes on."""
    block = re.sub(r"\\\n\s*", " ", block)
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command.strip(), expected.rstrip() + "\n" if expected.strip() else ""


def _serve(reader: Reader, command: str) -> str:
    """Start a server as the page says, but on a free port, with the echo engine and a data directory of its own."""
    known = reader.run("courtyard serve --help")
    for option in (word for word in shlex.split(command) if word.startswith("--")):
        assert option in known, f"{option} is no option of serve"
    with TemporaryDirectory() as data, serving(Path(data) / "data", model="echo") as server:
        return f"Courtyard serves at {server.url}\n"

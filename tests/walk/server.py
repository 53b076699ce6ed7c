"""A real server in a process of its own, as a user starts it."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.forking import Forked, shim_directory

READY_S = 60
ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A server that has said that it is ready."""

    process: Forked
    data_dir: Path
    url: str
    api_key: str
    sign_in: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for plain sockets."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        status = self.process.wait(timeout=READY_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


def courtyard(*arguments: str, data_dir: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of the installed package."""
    return subprocess.run(
        [shim_directory() / "courtyard", *arguments, "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        check=check,
        timeout=READY_S,
    )


def start(data_dir: Path, *, model: str = "echo", environ: dict[str, str] | None = None) -> Running:
    """Start `courtyard serve --json` and wait for the line that says it is ready."""
    log = data_dir.parent / f"{data_dir.name}.log"
    with log.open("a") as errors:
        words = ["serve", "--data-dir", str(data_dir), "--model", model, "--port", "0", "--json"]
        process = Forked(words, stderr=errors, environ={**os.environ, **(environ or {})})
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait()
        raise AssertionError(
            f"the server ended with {process.returncode} before it was ready:\n{log.read_text()[-4000:]}"
        )
    return Running(process=process, data_dir=data_dir, **json.loads(line))


@contextmanager
def serving(data_dir: Path, *, model: str = "echo", environ: dict[str, str] | None = None) -> Iterator[Running]:
    """A server for the length of a block, stopped in order at its end."""
    running = start(data_dir, model=model, environ=environ)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()

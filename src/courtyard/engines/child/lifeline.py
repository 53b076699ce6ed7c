"""What every child process does: read its settings, say that it is ready, and never outlive its parent."""

import contextlib
import os
import resource
import signal
import sys
from pathlib import Path
from threading import Thread
from typing import NoReturn, TypeVar

import msgspec

T = TypeVar("T")

_OOM_SCORE = "500"


class Said(msgspec.Struct, omit_defaults=True):
    """The one line that a child writes: where it serves, or why it can't."""

    url: str = ""
    context_tokens: int = 0
    error: str = ""


class Lifeline:
    """The child's end of the line to its parent.

    Settings come as one line on standard input, because secrets stand neither in arguments nor in the environment.
    That input then stays open for as long as the parent lives: at its end, the child ends too.
    """

    def __init__(self) -> None:
        # Native code writes to descriptor 1 as it likes; the one line goes out by another.
        self._out = os.dup(1)
        os.dup2(2, 1)
        _harden()

    def settings(self, kind: type[T]) -> T:
        """Read the settings, and from now on end with the parent."""
        read = msgspec.json.decode(sys.stdin.buffer.readline(), type=kind)
        Thread(target=_end_with_parent, daemon=True).start()
        return read

    def ready(self, url: str, *, context_tokens: int = 0) -> NoReturn:
        """Say where this process serves, and do so until the parent is gone."""
        self._say(Said(url=url, context_tokens=context_tokens))
        while True:
            signal.pause()

    def failed(self, reason: str) -> NoReturn:
        """Say why this process can't serve, and end."""
        self._say(Said(error=reason))
        os._exit(1)

    def _say(self, said: Said) -> None:
        os.write(self._out, msgspec.json.encode(said) + b"\n")
        os.close(self._out)


def _end_with_parent() -> NoReturn:
    while os.read(0, 4096):
        pass
    os._exit(0)  # Without destructors: native threads may be at work.


def _harden() -> None:
    # Ctrl-C and a service manager's SIGTERM are the parent's to answer: it drains, then lets go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core file would hold prompts.
    with contextlib.suppress(OSError):
        # Where the machine's memory runs out, this process goes before the one that keeps the books.
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)

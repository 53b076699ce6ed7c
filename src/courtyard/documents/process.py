"""One process that reads documents: started by the first, and asked one at a time."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import msgspec
import structlog

from courtyard.core.errors import Unavailable
from courtyard.documents.model import DocumentsSettings
from courtyard.documents.worker import LENGTH, Asked, Told

_log = structlog.get_logger("courtyard.documents")

_MODULE = "courtyard.documents.worker"
_KEPT = re.compile(r"LC_\w+|PYTHON\w+|LANG|PATH|HOME|TMPDIR|LD_LIBRARY_PATH")
"""What of the environment the process gets: nothing that could be a secret."""

_GIVEN = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # An arena takes address space, which is bounded.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),  # Memory that is given back is asked for again with each line of a picture:
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),  # that took as long as reading it.
    "PYTHONDONTWRITEBYTECODE": "1",
}
_START_S = 60.0
_END_S = 2.0


class Lost(Exception):
    """The process ended, or said nothing for too long."""

    def __init__(self, how: str, *, is_late: bool = False) -> None:
        super().__init__(how)
        self.is_late = is_late


class ReadingProcess:
    """A process that is ready to read."""

    def __init__(self, settings: DocumentsSettings) -> None:
        ours, theirs = socket.socketpair()
        kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
        with theirs:
            self._socket = ours
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - Our own program.
                [sys.executable, "-P", "-m", _MODULE],  # What lies in the working directory is not imported.
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=kept | _GIVEN,
                start_new_session=True,  # Ctrl-C is for the parent.
            )
        self.is_fresh = True
        """Whether it has read nothing yet."""
        try:
            told = self._exchange(msgspec.msgpack.encode(settings), _START_S)
        except Lost as error:
            self.end()
            raise Unavailable(f"the process that reads documents can't be started: {error}") from error
        if told.error:
            self.end()
            raise Unavailable(told.error)
        _log.info("documents_ready", pid=self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, asked: Asked, timeout_s: float) -> Told:
        """Have a document read or drawn.

        Raises:
            Lost: the process is gone, or is ended here because it took too long.
        """
        try:
            return self._exchange(msgspec.msgpack.encode(asked), timeout_s)
        except Lost:
            self.end()
            raise
        finally:
            self.is_fresh = False

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(_END_S)
        self._socket.close()

    def _exchange(self, message: bytes, timeout_s: float) -> Told:
        until = time.monotonic() + timeout_s
        try:
            self._socket.settimeout(timeout_s)
            self._socket.sendall(LENGTH.pack(len(message)) + message)
            (length,) = LENGTH.unpack(self._received(LENGTH.size, until))
            return msgspec.msgpack.decode(self._received(length, until), type=Told)
        except TimeoutError as error:
            raise Lost(f"it took longer than {timeout_s:.0f} s", is_late=True) from error
        except (OSError, EOFError, msgspec.DecodeError) as error:
            raise Lost(self._how_it_ended()) from error

    def _received(self, length: int, until: float) -> bytes:
        received = bytearray()
        while len(received) < length:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            part = self._socket.recv(min(length - len(received), 1 << 20))
            if not part:
                raise EOFError
            received += part
        return bytes(received)

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "it answered what is no answer"
        return f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with status {code}"

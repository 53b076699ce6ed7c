"""Starts `courtyard` in a process that has read its modules already: tests start it a thousand times.

One process imports the command, and forks for each start: a fresh process with arguments, environment, directory and
files of its own, where all that is spared is a second and a half of reading modules. It is told by a socket, hands the
new process's id back, and says in the end how it ended. `python -m courtyard` itself is what the tests of a newcomer,
of a kill in the middle of a run, and of a second server start.
"""

import array
import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any

_READY_S = 60
_BYTES_MAX = 1 << 20

SHIM = """#!{python} -SE
import array, json, os, signal, socket, sys
place = socket.socket(socket.AF_UNIX)
place.connect({path!r})
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
place.sendmsg([len(asked).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
place.sendall(asked)
told = place.makefile("r")
pid = int(told.readline())
for each in (signal.SIGTERM, signal.SIGINT):
    signal.signal(each, lambda number, _: os.kill(pid, number))
sys.exit(int(told.readline()))
"""
"""The `courtyard` of a shell: as quick as a program can be, and it ends as the forked one does."""


class Forked:
    """A process that was forked: as much of `subprocess.Popen` as tests use."""

    def __init__(self, arguments: Sequence[str], *, stderr: IO[Any], environ: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        with open(os.devnull, "rb") as nothing:
            self._told = _ask(arguments, os.getcwd(), environ, (nothing.fileno(), writing, stderr.fileno()))
        os.close(writing)
        self.stdout: IO[str] | None = os.fdopen(reading)
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Say how it ended, or nothing while it runs."""
        if self.returncode is None:
            self._connection().setblocking(False)
            try:
                self._read()
            except BlockingIOError:
                return None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it took longer.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            self._connection().settimeout(None if until is None else max(0.001, until - time.monotonic()))
            try:
                self._read()
            except TimeoutError as error:
                raise subprocess.TimeoutExpired("courtyard", timeout or 0) from error
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _connection(self) -> socket.socket:
        return self._told.connection

    def _read(self) -> None:
        self.returncode = int(self._told.readline())
        self._connection().close()


class _Told:
    """Lines that come over a socket, whatever its timeout."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._begun = b""

    def readline(self) -> str:
        while b"\n" not in self._begun:
            piece = self.connection.recv(4096)
            assert piece, "the process that forks has ended"
            self._begun += piece
        line, _, self._begun = self._begun.partition(b"\n")
        return line.decode()


_places: dict[int, Path] = {}


def shim_directory() -> Path:
    """A directory with a `courtyard` for shells, to stand before all others in `PATH`."""
    return _place().parent / "bin"


def _ask(arguments: Sequence[str], directory: str, environ: Mapping[str, str], files: Sequence[int]) -> _Told:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(_place()))
    asked = json.dumps([list(arguments), directory, dict(environ)]).encode()
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
    connection.sendmsg([len(asked).to_bytes(4, "big")], [rights])
    connection.sendall(asked)
    return _Told(connection)


def _place() -> Path:
    """Where the process that forks for this one listens; it is started when it is first needed."""
    if os.getpid() not in _places:
        path = Path(mkdtemp(prefix="fork-")) / "socket"
        (path.parent / "bin").mkdir()
        shim = path.parent / "bin" / "courtyard"
        shim.write_text(SHIM.format(python=sys.executable, path=str(path)))
        shim.chmod(0o755)
        server = subprocess.Popen([sys.executable, __file__, str(path)], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        atexit.register(server.kill)
        _places[os.getpid()] = path
    return _places[os.getpid()]


def main() -> None:
    """Import the command, and fork for whoever asks."""
    import courtyard.cli  # noqa: PLC0415
    import courtyard.cli.running  # noqa: PLC0415
    import courtyard.server  # noqa: PLC0415, F401

    gc.freeze()  # What was read is shared with all that are forked, and nothing looks through it again.
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            break
        connection.close()
    _serve(connection)


def _serve(connection: socket.socket) -> None:
    """Fork once more, and tell who asked the process's id, and then how it ended."""
    size, files = _received(connection)
    asked = b""
    while len(asked) < size:
        asked += connection.recv(_BYTES_MAX)
    arguments, directory, environ = json.loads(asked)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(arguments, directory, environ, files)
        return
    for file in files:
        os.close(file)
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _received(connection: socket.socket) -> tuple[int, list[int]]:
    files = array.array("i")
    message, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(3 * files.itemsize))
    for _, _, data in ancillary:
        files.frombytes(data)
    return int.from_bytes(message, "big"), list(files)


def _become(arguments: list[str], directory: str, environ: dict[str, str], files: list[int]) -> None:
    """Run the command, as if a shell had started it."""
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    sys.argv = ["courtyard", *arguments]
    from courtyard.cli import main as command  # noqa: PLC0415

    command()


if __name__ == "__main__":
    main()

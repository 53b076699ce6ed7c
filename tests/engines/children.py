"""Looks at child processes from outside, as an operator would."""

import os
from pathlib import Path

_PROC = Path("/proc")
_LISTENING = "0A"


def children(module: str = "courtyard.engines", *, of: int | None = None) -> list[int]:
    """Processes that this one started to run a module of ours."""
    parent = of or os.getpid()
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [pid for pid in pids if _parent(pid) == parent and module in _read(pid, "cmdline")]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    return _state(pid) not in ("", "Z")


def is_there(pid: int) -> bool:
    """Whether anything is left of a process."""
    return _state(pid) != ""


def environment(pid: int) -> dict[str, str]:
    """What a process was given as its environment."""
    lines = _read(pid, "environ").split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def arguments(pid: int) -> list[str]:
    return _read(pid, "cmdline").split("\0")


def cpu_ticks(pid: int) -> int:
    """The processor time that a process has used, in hundredths of a second."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def addresses(pid: int) -> list[tuple[str, int]]:
    """Where a process listens, as `("127.0.0.1", 40000)`."""
    sockets = {os.readlink(link) for link in (_PROC / str(pid) / "fd").iterdir() if link.exists() or link.is_symlink()}
    found = []
    for line in _read(pid, "net/tcp").splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTENING and f"socket:[{fields[9]}]" in sockets:
            host, port = fields[1].split(":")
            found.append((".".join(str(byte) for byte in bytes.fromhex(host)[::-1]), int(port, 16)))
    return found


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def _state(pid: int) -> str:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return fields[0] if fields else ""


def _read(pid: int, name: str) -> str:
    try:
        return (_PROC / str(pid) / name).read_bytes().decode(errors="replace")
    except OSError:
        return ""

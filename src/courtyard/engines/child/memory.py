"""How much memory is there, and how much of it a process takes."""

import os
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_KIB = 1024


def available(*, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Bytes that may still be taken, by the machine and, in a container, by its limit; nothing where neither says."""
    known = [bytes for bytes in (_meminfo(proc), _left(cgroups)) if bytes is not None]
    return min(known, default=None)


def resident(pid: int, *, proc: Path = _PROC) -> int:
    """Bytes of memory that a process takes, mapped files included; 0 where that can't be told."""
    fields = _read(proc / str(pid) / "statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def cores(*, cgroups: Path = _CGROUPS) -> int:
    """Cores that this process may use, by its affinity and, in a container, by its quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(cgroups / "cpu.max").strip().partition(" ")
    if quota.isdecimal() and period.isdecimal():
        count = min(count, -(-int(quota) // int(period)))
    return max(count, 1)


def megabytes(bytes: int) -> str:
    return f"{bytes / 1_000_000:,.0f} MB"


def _meminfo(proc: Path) -> int | None:
    for line in _read(proc / "meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * _KIB
    return None


def _left(group: Path) -> int | None:
    limit, used = _read(group / "memory.max").strip(), _read(group / "memory.current").strip()
    if not limit.isdecimal() or not used.isdecimal():
        return None
    return max(int(limit) - int(used) + _reclaimable(group), 0)


def _reclaimable(group: Path) -> int:
    """Pages of files that nobody used lately: they count as used, and are given up when memory is wanted."""
    for line in _read(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == "inactive_file":
            return int(value)
    return 0


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""

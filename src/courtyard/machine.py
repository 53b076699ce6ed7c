"""What this machine has: room on the disk and in memory, and cores."""

import os
import resource
import shutil
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_KIB = 1024
_UNLIMITED = 1 << 60
"""Version 1 of control groups writes a number near 2**63 for no limit."""


def disk_free(directory: Path) -> int:
    """Bytes that may still be written where a directory stands or will stand."""
    there = next(place for place in (directory, *directory.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def memory_available(*, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Bytes of memory that may still be taken, by the machine and by every control group around this process.

    Nothing where the system doesn't say.
    """
    known = [bytes for bytes in (_meminfo(proc), *_groups(proc, cgroups)) if bytes is not None]
    return min(known, default=None)


def memory_resident(pid: int, *, proc: Path = _PROC) -> int:
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


def leave_no_core() -> None:
    """Let this process, and those that it starts, write no core file when they crash: it would hold prompts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def megabytes(bytes: int) -> str:
    """Write a size as people read it."""
    return f"{bytes / 1e6:,.0f} MB" if bytes < 1e9 else f"{bytes / 1e9:,.2f} GB"


def _meminfo(proc: Path) -> int | None:
    for line in _read(proc / "meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * _KIB
    return None


def _groups(proc: Path, cgroups: Path) -> list[int | None]:
    found: list[int | None] = []
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found += [_left(group, "memory.max", "memory.current") for group in _upwards(cgroups, path)]
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            found += [_left(group, *names) for group in _upwards(cgroups / "memory", path)]
    return found


def _upwards(root: Path, path: str) -> list[Path]:
    group = root / path.lstrip("/")
    return [group, *(parent for parent in group.parents if parent.is_relative_to(root))]


def _left(group: Path, limit_name: str, used_name: str) -> int | None:
    limit, used = _read(group / limit_name).strip(), _read(group / used_name).strip()
    if not limit.isdecimal() or not used.isdecimal() or int(limit) >= _UNLIMITED:
        return None
    return max(int(limit) - int(used) + _reclaimable(group), 0)


def _reclaimable(group: Path) -> int:
    """Pages of files that nobody used lately: they count as used, and are given up when memory is wanted."""
    for line in _read(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return int(value)
    return 0


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""

"""Takes from this process what reading a document does not need: the network, other programs, writing, memory.

A filter of system calls does it (seccomp), which no privilege is needed for and nothing can take off again. Whatever a
hostile file makes of a library then has nowhere to go. Where there is no such filter nothing is read.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys

from courtyard.documents.model import Unreadable

_FILES_MAX = 256

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Which column of numbers holds for a machine, and what the kernel calls it."""

_DENIED = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "io_uring_setup": (425, 425),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "openat2": (437, 437),
    "creat": (85, None),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rmdir": (84, None),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
}
"""Calls by their numbers on each machine."""

_OPENS = {"open": ((2, None), 1), "openat": ((257, 56), 2)}
"""Calls that open a file: their numbers, and which argument says how."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EACCES
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16
_OTHER_ABI = 0x40000000

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def confine(memory_max: int) -> None:
    """Bind this process, and every thread it starts from now on, for good.

    Raises:
        Unreadable: this machine can't, so nothing is read on it.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_max, memory_max))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES_MAX, _FILES_MAX))
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        raise Unreadable("documents are read on Linux on x86-64 or ARM64 alone: nothing else here confines a reader")
    program = _program(*_MACHINES[platform.machine()])
    libc = ctypes.CDLL(None, use_errno=True)
    asked = _Program(len(program) // 8, program)
    if (
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        or libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(asked), 0, 0) != 0
    ):
        raise Unreadable(
            f"no document is read here: this system takes no filter of system calls ({os.strerror(ctypes.get_errno())})"
        )


def allow_cpu(seconds: float) -> None:
    """Let this process compute for so long from now; then it is ended, even where nobody is left to do it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def give_back() -> None:
    """Return memory that is not used to the system: reading a picture takes a gigabyte."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # The C library of some systems has none.
    if trim is not None:
        trim(0)


def _program(column: int, machine: int) -> bytes:
    """Write the filter: each refused call, and each opening of a file that is not for reading alone."""
    lines = [
        _line(_LOAD, _MACHINE),
        _line(_EQUAL, machine, 1, 0),
        _line(_RETURN, _KILL),
        _line(_LOAD, _NUMBER),
        _line(_AT_LEAST, _OTHER_ABI, 0, 1),
        _line(_RETURN, _REFUSE),
    ]
    for numbers in _DENIED.values():
        if (number := numbers[column]) is not None:
            lines += [_line(_EQUAL, number, 0, 1), _line(_RETURN, _REFUSE)]
    for opening, argument in _OPENS.values():
        if (number := opening[column]) is not None:
            lines += [
                _line(_EQUAL, number, 0, 4),
                _line(_LOAD, _ARGUMENTS + 8 * argument),
                _line(_ANY_BIT, _WRITES, 0, 1),
                _line(_RETURN, _REFUSE),
                _line(_RETURN, _ALLOW),
            ]
    return b"".join([*lines, _line(_RETURN, _ALLOW)])


def _line(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)

"""The detectors' own process: `python -m courtyard.privacy.worker`. It reads texts and says where what stands in them.

On each pipe a message is four bytes of length and MessagePack. It says neither texts nor pieces of them, in errors
neither; what native code writes goes to a stderr that the parent doesn't keep.
"""

import os
import struct
import sys
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from courtyard import plugins
from courtyard.privacy.model import BatchDetector, Detector, Finding

_LENGTH = struct.Struct(">I")


class Told(msgspec.Struct, kw_only=True):
    """What the process answers: what it found in each text, or why it did not."""

    found: list[list[Finding]] = []
    error: str = ""


def main() -> None:
    """Answer until the parent lets go."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Libraries that print don't break the protocol.
    asked = sys.stdin.buffer
    names = msgspec.msgpack.decode(_read(asked), type=list[str])
    try:
        detectors = _made(names)
    except Exception as error:
        _write(answers, Told(error=f"a detector can't be made: {error}"))
        return
    _write(answers, Told())
    while message := _read(asked):
        _write(answers, _look(detectors, msgspec.msgpack.decode(message, type=list[str])))


def _made(names: Sequence[str]) -> list[Detector]:
    registered = plugins.load("detectors")
    return [registered[name]() for name in names]  # type: ignore[operator]


def _look(detectors: Sequence[Detector], texts: list[str]) -> Told:
    found: list[list[Finding]] = [[] for _ in texts]
    for detector in detectors:
        try:
            each = (
                detector.find_each(texts)
                if isinstance(detector, BatchDetector)
                else [detector.find(text) for text in texts]
            )
        except Exception as error:  # Its words may hold what it read.
            return Told(error=f"detector {detector.name!r} failed with {type(error).__name__}")
        for all_found, more in zip(found, each, strict=True):
            all_found.extend(more)
    return Told(found=found)


def _read(pipe: BinaryIO) -> bytes:
    """Read a message; nothing where the other end is gone."""
    head = pipe.read(_LENGTH.size)
    return pipe.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""


def _write(pipe: BinaryIO, told: Told) -> None:
    message = msgspec.msgpack.encode(told)
    pipe.write(_LENGTH.pack(len(message)) + message)
    pipe.flush()


if __name__ == "__main__":
    main()

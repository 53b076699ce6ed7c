"""Event streams, cut into payloads as they come, however the network cuts them."""

import re

from courtyard.core.errors import EngineFailed

LINE_BYTES_MAX = 4 * 1024 * 1024

_IGNORED = (b":", b"id:", b"retry:")

_plain = re.compile(rb"data: (.*)\n\n").findall
_PLAIN_BYTES = len(b"data: \n\n")


class Frames:
    """Takes pieces of an event stream, and gives the payload of each `data` line that is whole.

    Every line of data is one payload: no engine writes one over several lines, and some leave out the empty line
    between two.
    """

    __slots__ = ("_error_follows", "_rest", "_rest_bytes", "failure")

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._error_follows = False
        self.failure: EngineFailed | None = None
        """Why nothing more can be taken: a line that is too long, that is none, or that reports an error."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Return what has become whole; what stands before a failure too, because it is delivered and paid for."""
        if not (self._rest or self._error_follows):
            payloads = _plain(piece)
            if sum(map(len, payloads)) + len(payloads) * _PLAIN_BYTES == len(piece):
                return payloads  # There is nothing else in it, as in nearly all there is not.
        *lines, rest = piece.split(b"\n")
        if lines and self._rest:
            lines[0] = b"".join((*self._rest, lines[0]))
            self._rest.clear()
            self._rest_bytes = 0
        if rest:
            self._rest.append(rest)
            self._rest_bytes += len(rest)
        payloads = self._payloads(lines)
        if self._rest_bytes > LINE_BYTES_MAX:
            self.failure = EngineFailed(f"the engine sent a line of more than {LINE_BYTES_MAX} bytes")
        return payloads

    def end(self) -> list[bytes]:
        """Return what stands in a last line that nothing ended."""
        return self.feed(b"\n") if self._rest else []

    def _payloads(self, lines: list[bytes]) -> list[bytes]:
        payloads: list[bytes] = []
        for line in lines:
            if not line:
                continue  # Every other line is empty.
            if line.startswith(b"data:") and not self._error_follows:
                payloads.append(line[5:].strip())
            elif line.startswith(b"data:"):
                self.failure = EngineFailed("the engine failed while it answered; try again")
                break
            elif line.startswith(b"event:"):
                self._error_follows = line[6:].strip() == b"error"
            elif line.strip() and not line.startswith(_IGNORED):
                self.failure = EngineFailed("the engine sent something that is no event stream; try again")
                break
        return payloads

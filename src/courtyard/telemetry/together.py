"""Metrics of all workers on one page, whichever of them is asked: each tells the others its own, over loopback."""

import asyncio
import hmac
import re
import socket
from collections.abc import Callable, Iterable

import msgspec

_ASK_S = 1.0
_KEY_BYTES_MAX = 256
_SAMPLE = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{?)")


class Siblings(msgspec.Struct, frozen=True, kw_only=True):
    """The workers of one machine: where each listens for the others. `key` is a secret."""

    worker: int
    ports: dict[int, int]
    """By worker, this one included."""
    key: str

    def __repr__(self) -> str:
        return f"Siblings(worker={self.worker}, ports={self.ports})"


class Together:
    """Tells the other workers what this one counts, and puts what all of them count on one page."""

    def __init__(self, siblings: Siblings, own: Callable[[], bytes]) -> None:
        self._siblings = siblings
        self._own = own

    async def open(self, bound: socket.socket) -> None:
        """Answer the other workers from now on."""
        self._server = await asyncio.start_server(self._answer, sock=bound, limit=_KEY_BYTES_MAX)

    def close(self) -> None:
        self._server.close()

    async def text(self) -> bytes:
        """Render the metrics of all workers, each sample labelled with its `worker`. One that is away is left out."""
        mine = self._siblings.worker
        others = [worker for worker in self._siblings.ports if worker != mine]
        texts = dict(zip(others, await asyncio.gather(*map(self._ask, others)), strict=True))
        texts[mine] = self._own()
        return merged((worker, text) for worker, text in sorted(texts.items()) if text)

    async def _ask(self, worker: int) -> bytes:
        try:
            async with asyncio.timeout(_ASK_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._siblings.ports[worker])
                try:
                    writer.write(self._siblings.key.encode() + b"\n")
                    return await reader.read()
                finally:
                    writer.close()
        except (TimeoutError, OSError):
            return b""

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ASK_S):
                shown = await reader.readline()
            if hmac.compare_digest(shown.strip(), self._siblings.key.encode()):
                writer.write(self._own())
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass
        finally:
            writer.close()


def merged(texts: Iterable[tuple[int, bytes]]) -> bytes:
    """Put pages in Prometheus' format together: each family once, each sample with the worker that told it."""
    heads: dict[bytes, dict[bytes, bytes]] = {}
    samples: dict[bytes, list[bytes]] = {}
    for worker, text in texts:
        family = b""
        for line in text.splitlines():
            if line.startswith(b"# "):
                _, what, family, _ = line.split(b" ", 3)
                heads.setdefault(family, {}).setdefault(what, line)
            elif line:
                samples.setdefault(family, []).append(_labelled(line, worker))
    families = [[*head.values(), *samples.get(family, ())] for family, head in heads.items()]
    return b"".join(line + b"\n" for family in families for line in family)


def _labelled(sample: bytes, worker: int) -> bytes:
    found = _SAMPLE.match(sample)
    assert found is not None, "a sample begins with its name"
    name, has_labels = found[1], bool(found[2])
    rest = sample[found.end() :]
    return b'%b{worker="%d"%b' % (name, worker, b"," + rest if has_labels else b"}" + rest)

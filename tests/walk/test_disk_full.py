"""A disk that is full: new work is refused with the reason, nothing is charged, and it goes on when there is room."""

import json
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.walk.books import add_engine, check_closed, receipts
from tests.walk.load import BODY, post
from tests.walk.server import Running, serving
from tests.walk.upstreams import echoing
from tests.walk.wait import until
from tests.walk.wire import CHAT, wired

MESSAGES = "/v1/messages"
DOORS = {CHAT: BODY, MESSAGES: BODY | {"max_tokens": 50}}


class NoRoom:
    """Nothing that the server writes grows any more: books, database and log alike."""

    reason = "File too large"

    def __init__(self, server: Running) -> None:
        self._pid = server.process.pid
        self._before = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (1, self._before[1]))

    def free(self) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, self._before)


class FullDisk:
    """The logs stand on a small disk of their own, and something else has filled it."""

    reason = "No space left on device"

    def __init__(self, server: Running) -> None:
        self._filler = server.data_dir / "journal" / "filler"

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass

    def free(self) -> None:
        self._filler.unlink()


@contextmanager
def small_disk(directory: Path) -> Iterator[bool]:
    """Mount a small disk there, if this user may; say whether it is one."""
    directory.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", str(directory)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)


def test_a_server_that_can_write_nothing_refuses_and_recovers(tmp_path):
    """Books, database and log can't grow, and still each request gets its answer; a stream hears of it at its end."""
    words = " ".join(f"w{number}" for number in range(30))
    slow = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": words}]}
    with echoing(delay_ms=50) as upstream, serving(tmp_path / "data") as server, wired(server) as wire:
        disk = NoRoom(server)
        add_engine(server, "slow", upstream.url, engine="slow")
        until(lambda: wire.ask(CHAT, slow | {"max_tokens": 1}).status == 200)
        wire.send(wire.request(CHAT, slow))
        status, headers = wire.begun()
        pieces = wire.pieces(headers)
        begun = next(pieces)
        disk.fill()
        ended = begun + b"".join(pieces)
        _refuses_and_recovers(server, disk)
        stopped = server.stop()
    check_closed(server.data_dir)

    *_, last = ended.split(b"\n\n")[:-1]
    assert status == 200
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "journal_unavailable"
    assert b"[DONE]" not in ended
    assert headers["x-courtyard-request"] not in {receipt.id for receipt in receipts(server.data_dir)}
    assert stopped == 0


def test_a_server_whose_journal_has_no_room_refuses_and_recovers(tmp_path):
    """The disk of the journal alone is full."""
    with small_disk(tmp_path / "data" / "journal") as is_small:
        with serving(tmp_path / "data") as server:
            _refuses_and_recovers(server, FullDisk(server) if is_small else NoRoom(server))
            stopped = server.stop()
        check_closed(server.data_dir)

    assert stopped == 0


def _refuses_and_recovers(server: Running, disk: NoRoom | FullDisk) -> None:
    disk.fill()
    answers = [until(lambda door=door: _refusal(server, door)) for door in DOORS for _ in range(3)]
    answers.append(until(lambda: _refusal(server, CHAT, stream=True)))
    ready, models, health = (_get(server, path) for path in ("/readyz", "/v1/models", "/healthz"))
    disk.free()
    answered = until(lambda: _served(server, CHAT))
    until(lambda: _get(server, "/readyz")[0] == 200)
    served = {answered, *(_served(server, door) for door in DOORS)}
    booked = until(lambda: (found := {one.id for one in receipts(server.data_dir)}) >= served and found)

    for headers, body in answers:
        error = json.loads(body)["error"]
        assert error["code"] == "journal_unavailable"
        assert disk.reason in error["message"]
        assert "make room on the disk" in error["message"]
        assert int(headers["retry-after"]) >= 1
    assert ready[0] == 503
    assert any(disk.reason in problem for problem in json.loads(ready[1])["problems"])
    assert (models[0], health[0]) == (200, 200)
    assert not {headers["x-courtyard-request"] for headers, _ in answers} & booked


def _served(server: Running, door: str) -> str | None:
    """Ask, and return the id of what was answered."""
    status, headers, _ = post(server, door, DOORS[door])
    return headers["x-courtyard-request"] if status == 200 else None


def _refusal(server: Running, door: str, **more):
    """Ask, and return what was refused."""
    status, headers, body = post(server, door, DOORS[door] | more)
    return (headers, body) if status == 503 else None


def _get(server: Running, path: str) -> tuple[int, bytes]:
    with wired(server) as wire:
        wire.send(wire.head(path, method="GET"))
        answer = wire.answer()
    return answer.status, answer.body

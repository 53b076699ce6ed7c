"""The power goes while a line is being written: what was whole stands, the rest is set aside and reported."""

from pathlib import Path

import pytest

from tests.walk.books import check_closed, opened, receipts
from tests.walk.load import BODY, post
from tests.walk.server import Running, courtyard, start
from tests.walk.wire import CHAT

LOGS = ("journal", "evidence")
ANSWERS = 5


def _last(data_dir: Path, log: str) -> Path:
    return max(path for path in (data_dir / log).iterdir() if path.suffix != ".torn")


def _half_an_entry(path: Path) -> None:
    """A receipt that was being written when the power went."""
    entries = [line for line in path.read_bytes().splitlines(keepends=True) if line.startswith(b'{"seq"')]
    with path.open("ab") as file:
        file.write(entries[-1][: len(entries[-1]) // 2])


def _zeros(path: Path) -> None:
    """A file that was lengthened and not yet written, as file systems leave it."""
    with path.open("ab") as file:
        file.write(b"\0" * 4096)


def _half_a_page(path: Path) -> None:
    """The last signature, cut: the entries before it are whole, and are signed again."""
    data = path.read_bytes()
    path.write_bytes(data[:-60])


@pytest.mark.parametrize("tear", [_half_an_entry, _zeros, _half_a_page], ids=lambda tear: tear.__name__.strip("_"))
def test_a_torn_tail_is_set_aside_and_reported(tmp_path, tear):
    """After a kill and a torn tail the server starts, has every receipt that was told, says so, and goes on."""
    server = start(tmp_path / "data")
    told = [_told(server) for _ in range(ANSWERS)]
    server.kill()
    for log in LOGS:
        tear(_last(server.data_dir, log))
    again = start(server.data_dir)
    told.append(_told(again))
    checked = courtyard("ledger", "check", data_dir=server.data_dir, check=False)
    stopped = again.stop()
    check_closed(server.data_dir)
    with opened(server.data_dir) as house:
        torn = house.ledger.check().torn + house.evidence.verify().torn
    log = (tmp_path / "data.log").read_text()

    assert (checked.returncode, stopped) == (0, 0)
    assert "keeps what a power loss cut off" in checked.stderr
    assert [name.endswith(".torn") for name in torn] == [True, True]
    assert log.count("journal_damaged") == log.count("evidence_damaged") == 1
    assert "bytes of an unfinished write were set aside" in log
    assert {receipt.id for receipt in receipts(server.data_dir)} == set(told)


def test_receipts_that_were_lost_from_the_journal_are_found_missing(tmp_path):
    """Durable receipts that vanish are no power loss: the check says which, and ends with 1."""
    server = start(tmp_path / "data")
    for _ in range(ANSWERS):
        _told(server)
    server.stop()
    path = _last(server.data_dir, "journal")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-4]))
    checked = courtyard("ledger", "check", data_dir=server.data_dir, check=False)

    assert checked.returncode == 1
    assert "receipt" in checked.stderr


def _told(server: Running) -> str:
    status, headers, _ = post(server, CHAT, BODY)
    assert status == 200
    return headers["x-courtyard-request"]

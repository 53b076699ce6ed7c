"""A journal is booked without a gap, and another one in its place raises an alarm."""

import asyncio
import shutil
from pathlib import Path

from courtyard.core.clock import FrozenClock
from courtyard.ledger import Account, Ledger
from courtyard.storage import Database, Entry, chain
from tests.ledger.conftest import MakeNode
from tests.ledger.node import Node, leg, pay
from tests.ledger.nodes import together, turns


async def runs(make_node: MakeNode, account: Account, *counts: int) -> Node:
    """Runs of a node that end as killed ones do, before anything is posted."""
    node = make_node()
    for count in counts:
        node = make_node()
        node.ledger._poster.post = lambda: 0  # type: ignore[method-assign]
        async with node.killed() as ledger:
            for _ in range(count):
                await pay(ledger, leg(account, 2))
    return node


def spent(ledger: Ledger, account: Account) -> int:
    (balance,) = ledger._book.balances([account.id])
    return balance.spent


def findings(ledger: Ledger, *kinds: str) -> list[str]:
    return [finding.what for finding in ledger.check().findings if finding.check in kinds]


def test_nothing_after_a_gap_is_booked_until_it_is_filled(make_node: MakeNode, clock: FrozenClock) -> None:
    """Entries that are missing stop the posting, the check and the nodes say so, until they have come."""
    node = make_node()
    account = node.wallet(100)
    node = asyncio.run(runs(make_node, account, 5))
    entries = list(node.ledger._journal.entries())
    book = node.ledger._book

    assert book.post([*entries[:2], *entries[3:]]) == (2, True)
    assert book.post(entries[3:]) == (0, True)
    assert spent(node.ledger, account) == 4
    assert findings(node.ledger, "gap") == ["entries 2 to 2 of epoch 1 are missing"]
    assert [one.trouble for one in node.ledger.nodes()] == ["entries 2 to 2 of epoch 1 are missing"]
    assert book.post(entries) == (3, False)
    assert spent(node.ledger, account) == 10
    assert findings(node.ledger, "gap", "fork") == []


def test_a_run_that_is_missing_is_a_gap(make_node: MakeNode, tmp_path: Path) -> None:
    """A whole file that vanished before it was posted does not go unnoticed, and can be brought back."""
    node = make_node()
    account = node.wallet(100)
    node = asyncio.run(runs(make_node, account, 2, 3, 1))
    second = chain.path_of(node.directory, 2)
    shutil.move(second, tmp_path / "aside")
    quarantined = make_node()
    quarantined.ledger.open()

    assert spent(node.ledger, account) == 4
    assert findings(node.ledger, "gap") == ["entries between 1/1 and 3/0 are missing"]
    shutil.move(tmp_path / "aside", second)
    make_node().ledger.open()
    assert spent(node.ledger, account) == 12
    assert node.ledger.check().clean


def test_a_run_without_a_receipt_is_no_gap(make_node: MakeNode) -> None:
    """A node may start, serve nothing, and start again."""
    node = make_node()
    account = node.wallet(100)
    node = asyncio.run(runs(make_node, account, 2, 0, 1))
    make_node().ledger.open()

    assert spent(node.ledger, account) == 6
    assert node.ledger.check().clean


def test_another_entry_in_a_booked_place_is_a_fork(make_node: MakeNode) -> None:
    """It is never booked, and the alarm stays."""
    node = make_node()
    account = node.wallet(100)
    node = asyncio.run(runs(make_node, account, 3))
    entries = list(node.ledger._journal.entries())
    book = node.ledger._book
    book.post(entries)
    raw = entries[1].raw.replace(b'"count":2', b'"count":1')
    forged = Entry(1, 1, entries[1].previous, chain.digest(entries[1].previous, raw), raw)

    assert book.post([forged]) == (0, False)
    assert book.post(entries) == (0, False)
    assert spent(node.ledger, account) == 6
    assert findings(node.ledger, "fork") == ["another entry than the booked one claims place 1/1"]


def test_an_entry_that_continues_another_one_is_a_fork(make_node: MakeNode) -> None:
    """A journal that was written anew from some place on is not booked from there on."""
    node = make_node()
    account = node.wallet(100)
    node = asyncio.run(runs(make_node, account, 3))
    entries = list(node.ledger._journal.entries())
    book = node.ledger._book
    book.post(entries[:2])
    raw = entries[2].raw
    forged = Entry(1, 2, "ab" * 32, chain.digest("ab" * 32, raw), raw)

    assert book.post([forged]) == (0, True)
    assert spent(node.ledger, account) == 4
    assert findings(node.ledger, "fork") == ["entry 1/2 continues another one than is booked before it"]


def test_a_data_directory_from_an_older_copy_goes_on(make_node: MakeNode, tmp_path: Path) -> None:
    """Its next run continues a receipt that the book has: nothing is missing there, and the check says what is here."""
    node = make_node()
    account = node.wallet(100)
    node = asyncio.run(runs(make_node, account, 2))
    shutil.copytree(node.directory, tmp_path / "older")
    node = asyncio.run(runs(make_node, account, 2))
    make_node().ledger.open()
    shutil.rmtree(node.directory)
    shutil.move(tmp_path / "older", node.directory)
    asyncio.run(runs(make_node, account, 1))
    make_node().ledger.open()

    assert spent(node.ledger, account) == 10
    assert findings(node.ledger, "gap", "fork") == []
    assert findings(node.ledger, "journal") == ["2 posted receipts are not in it"]


def test_the_journals_of_all_nodes_of_a_machine_are_checked(make_node: MakeNode, database: Database) -> None:
    """What was changed in the file of another node is found, and so is a file of nobody."""
    one, two = make_node(alone=False), make_node(alone=False, key="node-2")
    account = one.wallet(1000)

    async def work() -> None:
        async with together(database, one, two) as ledgers:
            for ledger in ledgers:
                for _ in range(3):
                    await pay(ledger, leg(account, 2))
                await turns(ledger)

    asyncio.run(work())
    report = one.ledger.check()
    path = chain.path_of(two.directory, 1)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"count":2', b'"count":1', 1))
    changed = one.ledger.check()
    path.write_bytes(whole)
    shutil.copytree(two.directory, two.directory.with_name("journal-3"))
    header = chain.path_of(two.directory.with_name("journal-3"), 1)
    header.write_bytes(
        header.read_bytes().replace(two.ledger._journal.public_key.public_bytes_raw().hex().encode(), b"ab" * 32)
    )
    strange = one.ledger.check()

    assert report.clean, report.findings
    assert (report.receipts, report.journal_entries, report.unposted) == (6, 6, 0)
    assert {finding.where for finding in changed.findings} >= {"journal-2/00000001.jsonl:2"}
    assert [finding.what for finding in strange.findings] == ["its key is of no node that joined the book"]

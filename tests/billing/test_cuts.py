"""Each receipt is on one invoice, whatever was posted when: random months, replayed from a seed."""

import random
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise

import pytest

from courtyard.core.errors import NotFound
from courtyard.core.usage import Usage
from courtyard.storage import tree
from tests.billing.house import Books
from tests.billing.test_issuing import verdict


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_receipt_is_on_one_invoice_and_no_fraction_is_lost(embedded: Books, seed: int):
    """Late, early and on time, billed by the day and by the month: every receipt once, every nano-unit once."""
    draw = random.Random(seed)
    print(f"seed {seed}")
    embedded.price({"input": 333_333_333, "output": 1})
    wallet = embedded.wallet()
    used, invoices = {}, []
    for step in range(12):
        for _ in range(draw.randrange(4)):
            day = draw.randrange(1, 30)
            month = draw.choice(["2026-11", "2026-12"])
            settled = embedded.use(
                Usage(input=draw.randrange(1, 90_000)),
                wallet,
                at=f"{month}-{day:02d}",
                project=draw.choice(["prj_a", "prj_b"]),
            )
            used[settled.id] = settled.cost.count
        embedded.go(f"2026-{11 + step // 6}-{2 + 4 * (step % 6):02d}")
        if draw.random() < 0.6:
            invoices += embedded.billing.issue(embedded.organisation)
    embedded.go("2027-01-01")
    invoices += embedded.billing.issue(embedded.organisation, "2026-12")
    held = [line for invoice in invoices for line in embedded.billing.receipts_of(invoice.number)]
    numbers = [embedded.billing.document_of(id) for id in used]

    assert sorted(id for id in used for line in held if id in line) == sorted(used)
    assert len(held) == len(used)
    assert all(
        any(id in line for line in embedded.billing.receipts_of(number))
        for id, number in zip(used, numbers, strict=True)
    )
    billed = sum(invoice.total_minor for invoice in invoices) * 10**7 + invoices[-1].carry_nano
    assert billed == sum(used.values())
    assert all(not verdict(embedded, invoice.number).problems for invoice in invoices)
    assert all(one.period_until_ms == other.period_from_ms for one, other in pairwise(invoices))


def test_a_draft_reads_only_what_is_open(embedded: Books):
    """Receipts that were billed are not read again: the next draft begins at the first that is open."""
    embedded.price()
    wallet = embedded.wallet()
    for day in (2, 3, 4, 20, 21):
        embedded.use(Usage(input=1_000_000), wallet, at=f"2026-11-{day:02d}")
    embedded.go("2026-11-10")
    embedded.billing.issue(embedded.organisation)
    embedded.go("2026-12-01")
    (draft,) = embedded.billing.draft(embedded.organisation, "2026-11")

    assert (draft.span.first, draft.span.last) == (4, 5)
    assert draft.invoice.proof.size == 2
    assert draft.invoice.period_from_ms == draft.span.closed_ms


def test_one_receipt_is_proved_without_the_others(embedded: Books):
    """The path of a receipt leads from its digest to the root that the operator signed; what is not billed has none."""
    embedded.price()
    wallet = embedded.wallet()
    used = [embedded.use(Usage(input=place + 1), wallet, project=f"prj_{place % 3}") for place in range(11)]
    with pytest.raises(NotFound, match="no invoice yet"):
        embedded.billing.prove(used[0].id)
    embedded.go("2026-12-01")
    (invoice,) = embedded.billing.issue(embedded.organisation, "2026-11")

    for settled in used:
        found = embedded.billing.prove(settled.id)
        path = [bytes.fromhex(node) for node in found.path]
        assert (found.number, found.root, found.size) == (invoice.number, invoice.proof.root, 11)
        assert tree.includes(bytes.fromhex(found.root), 11, found.leaf, bytes.fromhex(found.digest), path)
        assert invoice.lines[found.line - 1].project == settled.project
    with pytest.raises(NotFound, match="no receipt"):
        embedded.billing.prove("req_none")


def test_a_cut_waits_for_whoever_is_posting(books: Books):
    """A receipt that has its number and is not committed yet, while later ones are, is not lost to the next invoice."""
    books.price()
    wallet = books.wallet()
    early = books.receipt(Usage(input=1_000_000), wallet)
    late = books.receipt(Usage(input=2_000_000), wallet)
    with ThreadPoolExecutor(1) as thread:
        with books.database.transaction() as db:
            books.insert(db, early, node="node_slow")
            if db.dialect.name == "postgresql":  # SQLite lets nobody else post meanwhile.
                books.post([late])
            books.go("2026-12-01")
            cut = thread.submit(books.ledger.last_number)
            waited = [cut] == list(wait([cut], timeout=0.3).not_done)
        first = cut.result()
    if not waited:
        books.post([late])
    books.billing.issue(books.organisation, "2026-11")
    (invoice,) = books.billing.documents()

    assert waited == (books.database.engine.dialect.name == "postgresql")
    assert any(early.id in line for line in books.billing.receipts_of(invoice.number))
    assert first == (2 if waited else 0)

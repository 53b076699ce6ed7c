"""Audits the books: what must hold of accounts, leases, receipts and the journal, and where it does not."""

from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, func, select

from courtyard.core.ids import AccountId
from courtyard.ledger import check_receipts, rules, store
from courtyard.ledger.findings import Findings
from courtyard.ledger.journal import Files, Journal
from courtyard.ledger.model import Account, Balance, Lease, Report
from courtyard.ledger.tables import entries, nodes, postings
from courtyard.storage import Verification

Progress = Callable[[str, int, int], None]
"""Hears which step is under way, how much of it is done, and how much there is: 0 where nobody knows."""

_BUCKETS = ("issued", "available", "leased", "spent")


class _Sums(NamedTuple):
    """What the entries of a window add up to."""

    issued: int = 0
    available: int = 0
    leased: int = 0
    spent: int = 0


def check(
    db: Connection, journal: Journal, *, operator_key: Ed25519PublicKey, now_ms: int, progress: Progress | None = None
) -> Report:
    """Read everything in one view of the book, and then the journal, which may only have grown since."""
    progress = progress or _nobody
    findings = Findings()
    accounts = {account.id: account for account in store.read_accounts(db, closed=True)}
    windows = store.read_all_balances(db)
    leases = store.read_leases(db, closed=True)
    progress("accounts", 0, 0)
    _check_balances(windows, _sum_entries(db), findings)
    counted = _check_postings(db, findings)
    _check_leases(leases, windows, findings, operator_key=operator_key, now_ms=now_ms)
    _check_leases_spent(db, leases, findings)
    journals = [journal, *_beside(db, journal, findings)]
    read = check_receipts.check(db, journals, accounts, findings, progress)
    _check_spent(windows, read.spent, accounts, findings)
    progress("journal", 0, 0)
    verifications = [files.verify() for files in journals]
    for files, verification in zip(journals, verifications, strict=True):
        _check_journal(verification, findings, prefix="" if files is journal else f"{files.name}/")
    return Report(
        accounts=len(accounts),
        balances=len(windows),
        postings=counted,
        leases=sum(lease.is_open for lease, _ in leases),
        receipts=read.receipts,
        journal_entries=sum(verification.entries for verification in verifications),
        unposted=read.unposted,
        torn=tuple(name for verification in verifications for name in verification.torn),
        findings=findings.all,
    )


def _sum_entries(db: Connection) -> dict[store.Place, _Sums]:
    total = func.sum(entries.c.count)
    query = select(entries.c.account, entries.c.window_ms, entries.c.bucket, total)
    sums: dict[store.Place, dict[str, int]] = {}
    for account, begins_ms, bucket, count in db.execute(
        query.group_by(entries.c.account, entries.c.window_ms, entries.c.bucket)
    ):
        sums.setdefault((AccountId(account), begins_ms), {})[bucket] = int(count)
    return {place: _Sums(**{bucket: found.get(bucket, 0) for bucket in _BUCKETS}) for place, found in sums.items()}


def _check_balances(windows: list[Balance], sums: dict[store.Place, _Sums], findings: Findings) -> None:
    """What a window grants is available, leased or spent, and each of them is the sum of its entries."""
    for balance in windows:
        where = _where(balance.account, balance.window_ms)
        parts = balance.available + balance.leased + balance.spent
        if balance.granted != parts:
            findings.add("conservation", where, f"{balance.granted} granted, but {parts} available, leased and spent")
        if min(balance.available, balance.leased, balance.spent) < 0:
            findings.add("conservation", where, "a part of it is below zero")
        entered = sums.pop((balance.account, balance.window_ms), _Sums())
        there = _Sums(-balance.granted, balance.available, balance.leased, balance.spent)
        for bucket, entry, stands in zip(_BUCKETS, entered, there, strict=True):
            if entry != stands:
                findings.add("balances", where, f"{bucket} stands at {stands}, its entries sum to {entry}")
    for account, begins_ms in sums:
        findings.add("balances", _where(account, begins_ms), "it has entries and no balance")


def _check_postings(db: Connection, findings: Findings) -> int:
    """Both sides of every posting are equal, and no use was paid from nowhere."""
    total = func.sum(entries.c.count)
    one = (entries.c.posting, entries.c.account, entries.c.window_ms)
    for number, account, begins_ms, count in db.execute(select(*one, total).group_by(*one).having(total != 0)):
        findings.add("double entry", f"posting {number}", f"{_where(account, begins_ms)} is off by {int(count)}")
    overdrawn = select(*one, entries.c.count).join(postings).where(postings.c.kind == "spend")
    for number, account, begins_ms, count in db.execute(overdrawn.where(entries.c.bucket == "issued")):
        findings.add("overdraft", f"posting {number}", f"{-count} of {_where(account, begins_ms)} had no grant")
    return db.execute(select(func.count()).select_from(postings)).scalar_one()


def _check_leases(
    leases: list[tuple[Lease, int]],
    windows: list[Balance],
    findings: Findings,
    *,
    operator_key: Ed25519PublicKey,
    now_ms: int,
) -> None:
    """Leases are signed; those that are open run, and add up to what is leased of each window."""
    sums: dict[store.Place, int] = {}
    for lease, spent in leases:
        where = f"lease {lease.id} of {lease.node}"
        if lease.is_open:
            place = (lease.account, lease.window_ms)
            sums[place] = sums.get(place, 0) + lease.count - spent
        if not _is_signed(lease, operator_key):
            findings.add("lease signature", where, "it is not as the operator's key signed it")
        if not 0 <= spent <= lease.count:
            findings.add("leases", where, f"{spent} of {lease.count} is spent")
        if lease.is_open and now_ms >= lease.expires_at_ms:
            until = "until the node starts again, or an operator retires it"
            findings.add("lease expiry", where, f"it is open after its expiry, {until}")
    for balance in windows:
        open_count = sums.get((balance.account, balance.window_ms), 0)
        if open_count != balance.leased:
            where = _where(balance.account, balance.window_ms)
            findings.add("leases", where, f"{balance.leased} leased, but open leases have {open_count} left")


def _check_leases_spent(db: Connection, leases: list[tuple[Lease, int]], findings: Findings) -> None:
    """What leases say was spent of them is what postings took from them."""
    sums: dict[store.Place, int] = {}
    for lease, spent in leases:
        place = (lease.account, lease.window_ms)
        sums[place] = sums.get(place, 0) + spent
    query = select(entries.c.account, entries.c.window_ms, func.sum(entries.c.count)).join(postings)
    query = query.where(postings.c.kind == "spend", entries.c.bucket == "leased")
    for account, begins_ms, count in db.execute(query.group_by(entries.c.account, entries.c.window_ms)):
        place = (AccountId(account), begins_ms)
        sums[place] = sums.get(place, 0) + int(count)
    for (account, begins_ms), rest in sums.items():
        if rest:
            where = _where(account, begins_ms)
            findings.add("leases", where, f"leases say {rest} more was spent of them than was posted")


def _check_spent(
    windows: list[Balance],
    charged: dict[store.Place, int],
    accounts: dict[AccountId, Account],
    findings: Findings,
) -> None:
    """What was spent of each window is what its receipts charged."""
    for balance in windows:
        count = charged.pop((balance.account, balance.window_ms), 0)
        if count != balance.spent:
            where = _where(balance.account, balance.window_ms)
            findings.add("charges", where, f"{balance.spent} spent, but receipts charge {count}")
    for (account, begins_ms), count in charged.items():
        known = accounts.get(account)
        if count and (known is None or not rules.is_volatile(known.period)):
            findings.add(
                "charges", _where(account, begins_ms), f"receipts charge {count}, the book has no such balance"
            )


def _beside(db: Connection, journal: Journal, findings: Findings) -> list[Files]:
    """Find the journals of other nodes on this machine that joined the book under the keys they bear."""
    joined = set(db.execute(select(nodes.c.id)).scalars())
    found = journal.beside()
    for files in [files for files in found if files.node not in joined]:
        findings.add("journal", files.name, "its key is of no node that joined the book")
    return [files for files in found if files.node in joined]


def _check_journal(verification: Verification, findings: Findings, *, prefix: str) -> None:
    for damage in verification.damages:
        findings.add("journal", f"{prefix}{damage.file}:{damage.line}", damage.reason)


def _is_signed(lease: Lease, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(bytes.fromhex(lease.signature), rules.lease_bytes(lease))
    except (InvalidSignature, ValueError):
        return False
    return True


def _where(account: str, begins_ms: int) -> str:
    return f"account {account}" + (f" from {rules.day(begins_ms)}" if begins_ms else "")


def _nobody(step: str, done: int, total: int) -> None:
    pass

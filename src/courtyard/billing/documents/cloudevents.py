"""Use as CloudEvents 1.0: one event a receipt, a line of JSON each, as meters such as OpenMeter take them in."""

from collections.abc import Iterable, Iterator

import msgspec

from courtyard.billing.documents import words
from courtyard.core.amount import currency
from courtyard.core.usage import DIMENSIONS
from courtyard.ledger import Receipt, Settled

TYPE = "courtyard.usage"

Use = tuple[Settled, str]
"""What was settled, and the digest of its receipt."""


class _Line(msgspec.Struct, frozen=True):
    digest: str
    entry: str


def events(uses: Iterable[Use]) -> Iterator[bytes]:
    """Write each use as it comes: however many there are, one is in memory."""
    for settled, digest in uses:
        yield msgspec.json.encode(_event(settled, digest)) + b"\n"


def of_receipts(receipts: Iterable[Receipt]) -> Iterator[Use]:
    """Take uses from receipts."""
    return ((receipt, receipt.digest) for receipt in receipts)


def of_lines(lines: Iterable[str]) -> Iterator[Use]:
    """Take uses from the lines that `courtyard verify` reads."""
    for text in lines:
        line = msgspec.json.decode(text, type=_Line)
        yield msgspec.json.decode(line.entry, type=Settled), line.digest


def _event(settled: Settled, digest: str) -> dict[str, object]:
    """A receipt's id is its request's, which its node settles once: source and id together name the event."""
    return {
        "specversion": "1.0",
        "id": settled.id,
        "source": f"/nodes/{settled.node}",
        "type": TYPE,
        "subject": settled.organisation,
        "time": words.moment(settled.at_ms),
        "datacontenttype": "application/json",
        "data": {
            "project": settled.project,
            "key": settled.key,
            "person": settled.person,
            "kind": str(settled.kind),
            "model": settled.model,
            "engine": settled.engine,
            "region": settled.region,
            "outcome": str(settled.outcome),
            "requests": 1,
            "tokens": settled.usage.total,
            **{dimension: getattr(settled.usage, dimension) for dimension in DIMENSIONS},
            "cost_nano": settled.cost.count,
            "cost_unit": settled.cost.unit,
            "currency": currency(settled.cost.unit),
            "price_book": settled.price_book,
            "receipt": digest,
        },
    }

"""The face of reconciliation: read a bill, gather our receipts of that provider's engines, and compare."""

from collections.abc import Collection, Mapping
from datetime import timedelta

import msgspec

from courtyard.billing.reconciliation import reading, rules
from courtyard.billing.reconciliation.model import Bill, Ours, Rates, Reconciled, Tally
from courtyard.billing.rules import read_month
from courtyard.core.clock import date_time
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.core.usage import DIMENSIONS, Usage
from courtyard.ledger import Ledger, Receipt, UsageFilter
from courtyard.pricing import Pricing

_HOUR_MS = 3_600_000
_PAGE = 1000
_MILLION = 1_000_000


class Reconciliation:
    """Upstream bills against our own receipts. It reads every receipt of a month: call it from a thread."""

    def __init__(self, ledger: Ledger, pricing: Pricing) -> None:
        self._ledger = ledger
        self._pricing = pricing

    def reconcile(
        self,
        raw: bytes,
        *,
        provider: str,
        month: str,
        engines: Collection[str],
        names: Mapping[str, str] | None = None,
        columns: Mapping[str, tuple[str, ...]] | None = None,
        currency: str | None = None,
    ) -> Reconciled:
        """Explain each difference between a bill and our receipts of some engines in a month.

        `names` says which of our models the bill's names are, where they differ by more than a version at the end.

        Raises:
            InvalidRequest: the bill can't be read, or no engine is named.
        """
        if not engines:
            raise InvalidRequest(f"no engine is one of {provider!r}; name them with --engine")
        read_month(month)
        bill = reading.read_bill(raw, month=month, columns=columns, currency=currency)
        ours = self._gather(month, engines)
        known = {model for _, model in ours.hours}
        return rules.reconcile(_renamed(bill, names or {}, known), ours, provider=provider, month=month)

    def _gather(self, month: str, engines: Collection[str]) -> Ours:
        """Read the receipts of a month, and of the day before and after it: other people's days begin elsewhere."""
        span, day = read_month(month), timedelta(days=1)
        asked = UsageFilter(
            day_first=f"{date_time(span.begins_ms) - day:%Y-%m-%d}",
            day_last=f"{date_time(span.ends_ms):%Y-%m-%d}",
        )
        hours: dict[tuple[int, str], Tally] = {}
        rates: dict[tuple[str, str], Rates] = {}
        before: int | None = None
        while True:
            page = self._ledger.receipts(asked, before=before, limit=_PAGE)
            for receipt in page.receipts:
                if receipt.engine in engines and not receipt.usage.is_nothing:
                    key = (receipt.at_ms // _HOUR_MS, str(receipt.model))
                    tally = self._tally(receipt)
                    hours[key] = hours[key] + tally if key in hours else tally
                    at = (f"{date_time(receipt.at_ms):%Y-%m-%d}", str(receipt.model))
                    if at not in rates and (expected := self._rates(receipt)) is not None:
                        rates[at] = expected
            if page.next is None:
                return Ours(hours=hours, rates=rates)
            before = page.next

    def _tally(self, receipt: Receipt) -> Tally:
        try:
            nano = self._pricing.cost_of(receipt.price_book, receipt.model, receipt.usage)
        except CourtyardError:
            nano = None
        return Tally(
            usage=receipt.usage,
            requests=1,
            estimated=receipt.usage if receipt.estimated else Usage(),
            estimated_requests=int(receipt.estimated),
            nano=nano,
        )

    def _rates(self, receipt: Receipt) -> Rates | None:
        """Say what a million more of each dimension was expected to cost us, where the price book says it."""
        try:
            cost = self._pricing.price_of(receipt.price_book, receipt.model).cost
        except CourtyardError:
            return None
        if cost is None:
            return None
        return {
            name: cost.rate(Usage(**{name: 2 * _MILLION})) - cost.rate(Usage(**{name: _MILLION})) for name in DIMENSIONS
        }


def _renamed(bill: Bill, names: Mapping[str, str], known: Collection[str]) -> Bill:
    """Call the bill's models as we do: by `names`, or where what follows our name is only a version."""
    lines = reading.merged(
        msgspec.structs.replace(line, model=names.get(line.model) or _ours(line.model, known)) for line in bill.lines
    )
    return msgspec.structs.replace(bill, lines=lines)


def _ours(model: str, known: Collection[str]) -> str:
    if model in known:
        return model
    rests = {name: model.removeprefix(f"{name}-") for name in known}
    fitting = [name for name, rest in rests.items() if rest != model and rest[:1].isdigit()]
    return max(fitting, key=len, default=model)

"""Draws up a document from what other rooms know: receipts, prices, contracts and seats. It saves nothing."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from courtyard.billing import lines, rules, tax
from courtyard.billing.gathering import Gathering, Key
from courtyard.billing.model import BillingSettings, Customer, Invoice, Line, LineKind, Proof
from courtyard.billing.store import Adjustment, Filed
from courtyard.core.amount import currency as currency_of
from courtyard.core.ids import AccountId, ModelName, OrganisationId, ProjectId
from courtyard.core.usage import Usage
from courtyard.identity import Identity
from courtyard.ledger import Funding, Ledger, Posted, Span, UsageFilter
from courtyard.licensing import Contract, Licensing
from courtyard.pricing import Basis, Priced, Pricing
from courtyard.storage import tree

Progress = Callable[[int], None]
"""Is told how many receipts were read."""

_TELL_EVERY = 5000


class Draft(NamedTuple):
    """A document that was not issued, and what it was made from."""

    invoice: Invoice
    span: Span
    after: str | None
    """The invoice that it follows."""
    adjustments: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to bill."""
        return all(line.kind == LineKind.CARRY for line in self.invoice.lines)


class Placed(NamedTuple):
    """A receipt where it stands in a document."""

    line: int
    leaf: int
    posted: Posted


class Asked(NamedTuple):
    """What a draft is asked for."""

    customer: Customer
    currency: str
    until_ms: int
    last: Filed | None
    """The invoice before."""
    earlier: Callable[[int], Sequence[Invoice]]
    """Invoices for any time after a moment, newest first."""
    adjustments: Sequence[Adjustment]
    now_ms: int


class Drafting:
    """Reads what is to be billed, twice: once for the sums, and once for the tree over all receipts."""

    def __init__(
        self, identity: Identity, ledger: Ledger, pricing: Pricing, licensing: Licensing, *, settings: BillingSettings
    ) -> None:
        self._identity = identity
        self._ledger = ledger
        self._pricing = pricing
        self._licensing = licensing
        self._settings = settings

    def draft(self, asked: Asked, progress: Progress | None = None) -> Draft:
        """Draw up the invoice that would follow the last one, up to a moment."""
        organisation = asked.customer.organisation
        span = self._span(asked)
        from_ms = self._begins(organisation, asked)
        gathering = self._gathering(asked)
        told = _Told(progress)
        for posted in self._ledger.posted(organisation, span):
            gathering.add(posted)
            told.one()
        usage = self._usage_lines(organisation, gathering)
        exact = [
            *_carry_line(asked),
            *self._plan_lines(organisation, asked, from_ms=from_ms),
            *usage,
            *lines.settled_lines(usage, self._prices(usage), _before(usage, asked)),
            *(_adjustment_line(one) for one in asked.adjustments),
        ]
        done = lines.rounded(exact, asked.currency)
        root = self._root(organisation, span, gathering, told) if usage else tree.Range().root
        invoice = self._invoice(asked, done, gathering, from_ms=from_ms, root=root)
        last = asked.last.invoice.number if asked.last else None
        return Draft(invoice, span, last, tuple(one.id for one in asked.adjustments))

    def placed(self, filed: Filed) -> Iterator[Placed]:
        """Read the receipts of an issued document, and say on which line and leaf each one stands."""
        invoice = filed.invoice
        by_key = {_key_of(line): line for line in invoice.lines if line.leaf_count}
        next_leaf = {key: line.first_leaf for key, line in by_key.items()}
        gathering = self._gathering_for(invoice.currency, filed.span.closed_ms)
        for posted in self._ledger.posted(invoice.organisation, filed.span) if by_key else ():
            key = gathering.key(posted.settled)
            if key is not None:
                yield Placed(by_key[key].number, next_leaf[key], posted)
                next_leaf[key] += 1

    def currencies(self, organisation: OrganisationId) -> set[str]:
        """Name the currencies that an organisation may have anything to bill in."""
        units = {currency_of(row.cost.unit) for row in self._ledger.usage(UsageFilter(organisation=organisation))}
        plans = {self._licensing.plan(contract.plan).currency for contract in self._licensing.contracts(organisation)}
        return {code for code in units | plans if code is not None}

    def next_number(self, organisation: OrganisationId, span: Span) -> int:
        """Say which receipt the next document begins to read at."""
        return self._ledger.first_open(organisation, span)

    def _begins(self, organisation: str, asked: Asked) -> int:
        if asked.last is not None:
            return asked.last.invoice.period_until_ms
        first_ms = self._ledger.first_moment(organisation)
        starts = [contract.starts_ms for contract in self._licensing.contracts(asked.customer.organisation)]
        return rules.month_of(min([asked.until_ms - 1, *starts, *([] if first_ms is None else [first_ms])])).begins_ms

    def _span(self, asked: Asked) -> Span:
        last = self._ledger.last_number()
        if asked.last is None:
            return Span(first=1, last=last, until_ms=asked.until_ms)
        return Span(
            first=asked.last.next_number,
            last=last,
            until_ms=asked.until_ms,
            closed_number=asked.last.span.last,
            closed_ms=asked.last.invoice.period_until_ms,
        )

    def _gathering(self, asked: Asked) -> Gathering:
        closed_ms = asked.last.invoice.period_until_ms if asked.last else 0
        return self._gathering_for(asked.currency, closed_ms)

    def _gathering_for(self, currency: str, closed_ms: int) -> Gathering:
        @lru_cache(maxsize=10_000)
        def funding(account: AccountId) -> Funding:
            return self._ledger.account(account).funding

        @lru_cache(maxsize=1000)
        def money_of(book: str) -> str:
            return self._pricing.terms(book).currency

        def rate(book: str, model: str, usage: Usage) -> int:
            return self._priced(book, model).price.rate(usage)

        return Gathering(currency=currency, closed_ms=closed_ms, funding=funding, currency_of=money_of, rate=rate)

    def _usage_lines(self, organisation: OrganisationId, gathering: Gathering) -> list[Line]:
        names = {project.id: project.name for project in self._identity.projects(organisation=organisation)}
        return [
            lines.usage_line(
                key,
                summed,
                project_name=names.get(ProjectId(key.project), ""),
                price_kind=self._priced(key.book, key.model).kind,
            )
            for key, summed in sorted(gathering.sums.items())
        ]

    def _plan_lines(self, organisation: OrganisationId, asked: Asked, *, from_ms: int) -> list[Line]:
        found = []
        for contract in self._licensing.contracts(organisation):
            plan = self._licensing.plan(contract.plan)
            if plan.currency == asked.currency:
                begins_ms = _billed_from(contract, asked, from_ms)
                seats = self._licensing.seats(organisation, begins_ms, asked.until_ms)
                found += lines.plan_lines(contract, plan, seats, from_ms=begins_ms, until_ms=asked.until_ms)
                found += lines.priced_seat_lines(
                    contract,
                    lambda at_ms, book=contract.book: self._by_seat(book, asked.currency, at_ms),  # type: ignore[misc]
                    seats,
                    from_ms=begins_ms,
                    until_ms=asked.until_ms,
                )
        return found

    def _by_seat(self, book: str, currency: str, at_ms: int) -> dict[ModelName, Priced]:
        """Find the models that a book prices by the seat at a moment."""
        listed = self._pricing.in_force(book, at_ms=at_ms)
        priced = {one.model: self._priced(one.book, one.model) for one in listed if one.currency == currency}
        return {model: one for model, one in priced.items() if one.basis == Basis.SEAT}

    def _priced(self, book: str, model: str) -> Priced:
        return self._pricing.price_of(book, ModelName(model))

    def _prices(self, usage: Sequence[Line]) -> dict[tuple[str, str], Priced]:
        return {
            (line.price_book, line.model or ""): self._priced(line.price_book, line.model or "")
            for line in usage
            if "tokens" not in line.facts
        }

    def _root(self, organisation: str, span: Span, gathering: Gathering, told: "_Told") -> bytes:
        """Compute the root over all receipts, line after line, while they are read by number."""
        ranges, leaf = {}, 0
        for key, summed in sorted(gathering.sums.items()):
            ranges[key] = tree.Range(leaf)
            leaf += summed.requests
        for posted in self._ledger.posted(organisation, span):
            key_ = gathering.key(posted.settled)
            if key_ is not None:
                ranges[key_].append(bytes.fromhex(posted.digest))
            told.one()
        whole = tree.Range()
        for one in ranges.values():
            whole.extend(one)
        return whole.root

    def _invoice(
        self, asked: Asked, done: lines.Rounded, gathering: Gathering, *, from_ms: int, root: bytes
    ) -> Invoice:
        seller, customer = self._settings.seller, asked.customer
        assessed = tax.assess(done.lines, self._settings.taxes, seller=seller, buyer=customer.party)
        paid_before = asked.last.invoice.paid_carry_nano if asked.last else 0
        prepaid = sum(line.covered.get(Funding.PREPAID, 0) for line in done.lines)
        (paid,), paid_carry = rules.carried([prepaid], rules.nano_per_minor(asked.currency), paid_before)
        return Invoice(
            number="",
            seller=seller,
            buyer=customer.party,
            organisation=customer.organisation,
            reference=customer.reference,
            currency=asked.currency,
            minor_digits=rules.minor_digits(asked.currency),
            period_from_ms=from_ms,
            period_until_ms=asked.until_ms,
            issued_at_ms=asked.now_ms,
            due_at_ms=asked.now_ms + customer.payment_days * rules.DAY_MS,
            lines=assessed.lines,
            taxes=assessed.taxes,
            net_minor=assessed.net_minor,
            tax_minor=assessed.tax_minor,
            total_minor=assessed.total_minor,
            paid_minor=paid,
            due_minor=assessed.total_minor - paid,
            carry_nano=done.carry_nano,
            paid_carried_nano=paid_before,
            paid_carry_nano=paid_carry,
            accounts=dict(sorted(gathering.accounts.items())),
            prices=self._price_documents(done.lines),
            plans=self._plan_documents(done.lines),
            notes=tuple(dict.fromkeys(one.note for one in assessed.taxes if one.note)),
            proof=Proof(root=root.hex(), size=sum(line.leaf_count for line in done.lines), public_key=""),
        )

    def _price_documents(self, done: Sequence[Line]) -> dict[str, str]:
        books = {line.price_book for line in done if line.model is not None}
        return {book: self._pricing.document(book) for book in sorted(books)}

    def _plan_documents(self, done: Sequence[Line]) -> dict[str, str]:
        plans = {line.price_book for line in done if line.model is None and line.price_book}
        return {plan: self._licensing.plan_document(plan) for plan in sorted(plans)}


class _Told:
    """Tells how many receipts were read, now and then."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._read = 0

    def one(self) -> None:
        self._read += 1
        if self._progress is not None and self._read % _TELL_EVERY == 0:
            self._progress(self._read)


def _billed_from(contract: Contract, asked: Asked, from_ms: int) -> int:
    """Say from when on a contract is billed: where it was signed since the last invoice, days before that one too."""
    begins_ms = contract.starts_ms // rules.DAY_MS * rules.DAY_MS
    if asked.last is None or begins_ms >= from_ms or contract.signed_at_ms <= asked.last.invoice.issued_at_ms:
        return from_ms
    billed = any(line.price_book == contract.plan for one in asked.earlier(begins_ms) for line in one.lines)
    return from_ms if billed else begins_ms


def _carry_line(asked: Asked) -> list[Line]:
    nano = asked.last.invoice.carry_nano if asked.last else 0
    if not nano:
        return []
    month = rules.month_of(asked.until_ms - 1).name
    return [Line(number=0, kind=LineKind.CARRY, month=month, rated_nano=nano, nano=nano)]


def _adjustment_line(one: Adjustment) -> Line:
    month = rules.month_of(one.at_ms).name
    return Line(number=0, kind=LineKind.ADJUSTMENT, month=month, text=one.reason, rated_nano=one.nano, nano=one.nano)


def _before(usage: Sequence[Line], asked: Asked) -> dict[lines.Place, lines.Used]:
    """Find what earlier invoices counted in months that go on, or come back, on this one."""
    if asked.last is None or not usage:
        return {}
    begins_ms = min(rules.read_month(line.month).begins_ms for line in usage)
    found: dict[lines.Place, lines.Used] = {}
    for invoice in asked.earlier(begins_ms):
        for line in invoice.lines:
            if line.kind == LineKind.ADJUSTMENT and line.model is not None:
                place, used = lines.used_by(line)
                found.setdefault(place, used)
    return found


def _key_of(line: Line) -> Key:
    return Key(
        late=line.kind == LineKind.CORRECTION,
        month=line.month,
        project=line.project or "",
        model=line.model or "",
        book=line.price_book,
        by_tokens="tokens" in line.facts,
    )

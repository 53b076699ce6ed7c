"""Plans, and the contracts that organisations have on them. All of it runs SQL: call it from a thread."""

from collections.abc import Mapping

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from courtyard.core.amount import Unit
from courtyard.core.clock import date_time
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.core.ids import AccountId, OrganisationId, new_id
from courtyard.ledger import Account, Funding, Period, Purpose
from courtyard.licensing import plans, store
from courtyard.licensing.memory import Memory
from courtyard.licensing.model import Contract, ContractId, Listed, Plan
from courtyard.licensing.plans import Opening
from courtyard.notices import Kind, tell
from courtyard.pricing import STANDARD

_log = structlog.get_logger("courtyard.licensing")

Likeness = tuple[Purpose, Unit, Period, Funding, int | None]
"""What accounts of one owner have in common where there is one of them at a time."""


class Contracting(Memory):
    """What organisations agreed to. Each change may be asked for again, and then changes nothing."""

    def plans(self) -> tuple[Listed, ...]:
        """List the newest plan of each name, by name."""
        return tuple(listed for _, listed in sorted(self._known.newest.items()))

    def plan_document(self, digest: str) -> str:
        """Return the very text that a plan's digest is over.

        Raises:
            NotFound: there is no such plan.
        """
        with self._database.reading() as db:
            document = store.read_document(db, digest)
        if document is None:
            raise NotFound(f"there is no plan {digest!r}; see `courtyard plans list`")
        return document

    def listed(self, name: str) -> Listed:
        """Find a plan by its name, and then the newest, or by its digest.

        Raises:
            NotFound: there is none.
        """
        with self._database.reading() as db:
            return _named(store.read_plans(db), name)

    def add_plan(self, plan: Plan) -> Listed:
        """Make a plan the newest of its name; contracts that stand keep the plan that they were signed on.

        Raises:
            InvalidRequest: nobody could have such a plan.
        """
        document = plans.canonical(plans.check(plan))
        digest = plans.digest(document)
        self._check_book(plan.book)
        with self._changing() as db:
            newest = [listed for listed in store.read_plans(db) if listed.plan.name == plan.name][-1:]
            if not newest or newest[0].digest != digest:
                store.write_plan(db, plan, document, digest=digest, at_ms=self._clock.now_ms())
        return self._known.newest[plan.name]

    def contracts(self, organisation: str | None = None) -> tuple[Contract, ...]:
        """List contracts, of one organisation or of all, by when they start."""
        with self._database.reading() as db:
            return tuple(store.read_contracts(db, organisation))

    def contract(self, organisation: OrganisationId) -> Contract | None:
        """Return the contract that runs now, from memory."""
        found = plans.at(self._known.contracts.get(organisation, ()), self._clock.now_ms())
        return found if found is not None and found.runs(self._clock.now_ms()) else None

    def sign(
        self,
        organisation: OrganisationId,
        plan: str,
        *,
        starts_ms: int | None = None,
        ends_ms: int | None = None,
        book: str | None = None,
        reseller: OrganisationId | None = None,
        seats_max: int | None = None,
    ) -> Contract:
        """Put an organisation on a plan, from now or from a moment of this month on, and open what the plan speaks of.

        Raises:
            NotFound: there is no such plan.
            InvalidRequest: the dates are none that a contract can have, or the price book is unknown.
            Conflict: it has another contract then, or the reseller can't be one.
        """
        now_ms = self._clock.now_ms()
        if starts_ms is not None and starts_ms < plans.month_begins_ms(now_ms):
            raise InvalidRequest("a contract starts in this month or later: earlier months may be invoiced already")
        with self._changing() as db:
            listed = _named(store.read_plans(db), plan)
            begins_ms = now_ms if starts_ms is None else starts_ms
            contract = Contract(
                id=ContractId(new_id("contract")),
                organisation=organisation,
                plan=listed.digest,
                book=book or listed.plan.book,
                starts_ms=begins_ms,
                ends_ms=plans.ends_ms(listed.plan, starts_ms=begins_ms, ends_ms=ends_ms),
                reseller=reseller,
                seats_max=seats_max,
                signed_at_ms=now_ms,
            )
            there = plans.overlapping(contract, store.read_contracts(db, organisation))
            if there is not None and _is_said_again(contract, there, starts_ms=starts_ms, ends_ms=ends_ms):
                contract = there
            else:
                self._add(db, contract)
        self.carry_out()
        return contract

    def change(
        self,
        organisation: OrganisationId,
        plan: str,
        *,
        from_ms: int | None = None,
        book: str | None = None,
        seats_max: int | None = None,
    ) -> Contract:
        """Put an organisation on another plan, from now or from a moment on: one contract ends and the next begins.

        Its reseller stays, and so do its end, unless that was a trial's, and its number of seats, unless one is given.

        Raises:
            NotFound: there is no such plan, or no contract that runs then.
            InvalidRequest: the moment is past.
            Conflict: it has yet another contract later.
        """
        now_ms = self._clock.now_ms()
        if from_ms is not None and from_ms < now_ms:
            raise InvalidRequest("a plan changes from now on or later: what was used before is paid for as it was")
        begins_ms = now_ms if from_ms is None else from_ms
        with self._changing() as db:
            listed = _named(store.read_plans(db), plan)
            theirs = store.read_contracts(db, organisation)
            current = next((one for one in reversed(theirs) if one.runs(begins_ms)), None)
            if current is None:
                raise NotFound(
                    f"{organisation} has no contract on {_day(begins_ms)}; sign one: `courtyard contracts sign`"
                )
            old = _named(store.read_plans(db), current.plan).plan
            ends_ms = None if old.trial_days is not None else current.ends_ms
            contract = Contract(
                id=ContractId(new_id("contract")),
                organisation=organisation,
                plan=listed.digest,
                book=book or (listed.plan.book if current.book == old.book else current.book),
                starts_ms=begins_ms,
                ends_ms=plans.ends_ms(listed.plan, starts_ms=begins_ms, ends_ms=ends_ms),
                reseller=current.reseller,
                seats_max=current.seats_max if seats_max is None else seats_max,
                signed_at_ms=now_ms,
            )
            if _is_said_again(contract, current, starts_ms=None, ends_ms=None):
                contract = current
            else:
                store.write_end(db, current.id, begins_ms)
                self._add(db, contract)
        self.carry_out()
        return contract

    def end(self, organisation: OrganisationId, *, at_ms: int | None = None) -> Contract:
        """End an organisation's contract, now or at a moment: requests after it are refused until another is signed.

        A contract that has not begun yet is withdrawn.

        Raises:
            NotFound: it has none.
            InvalidRequest: the moment is past.
        """
        now_ms = self._clock.now_ms()
        if at_ms is not None and at_ms < now_ms:
            raise InvalidRequest("a contract ends now or later")
        with self._changing() as db:
            theirs = [one for one in store.read_contracts(db, organisation) if one.ends_ms != one.starts_ms]
            if not theirs:
                raise NotFound(f"{organisation} has no contract; see `courtyard contracts list`")
            last = theirs[-1]
            if last.ends_ms is not None and last.ends_ms <= now_ms:
                return last
            ends_ms = max(now_ms if at_ms is None else at_ms, last.starts_ms)
            store.write_end(db, last.id, ends_ms)
        return replace(last, ends_ms=ends_ms)

    def is_due(self) -> bool:
        """Whether `carry_out` has something to do; answers from memory."""
        return self._clock.now_ms() >= self._known.due_ms

    def carry_out(self) -> None:
        """Open what contracts that have begun speak of, close what their organisations' plans no longer do, and tell.

        Again changes nothing.
        """
        now_ms = self._clock.now_ms()
        with self._database.reading() as db:
            due = [contract for contract in store.read_unopened(db) if contract.starts_ms <= now_ms]
        for contract in due:
            try:
                self._carry_out(contract)
            except (Conflict, InvalidRequest, NotFound) as error:  # It must not keep the others from beginning.
                _log.error("contract_not_opened", contract=contract.id, reason=error.message)
        self._tell_of_ends(now_ms)

    def _tell_of_ends(self, now_ms: int) -> None:
        """Tell organisations, once, that their contracts end soon and that nothing follows."""
        soon = [
            (contract, contract.ends_ms)
            for contract in plans.ending(self._known.contracts.values(), now_ms)
            if contract.ends_ms is not None and contract.ends_ms - plans.ENDING_MS <= now_ms
        ]
        for contract, ends_ms in soon:
            name = self.plan(contract.plan).name
            with self._database.transaction() as db:
                tell(
                    db,
                    Kind.CONTRACT_ENDING,
                    organisation=contract.organisation,
                    subject=f"The contract on plan {name} ends on {_day(ends_ms)}, and none follows",
                    once=f"{contract.id}/{ends_ms}",
                    at_ms=now_ms,
                    data={"contract": contract.id, "plan": name, "ends_ms": ends_ms},
                )
            self._told.add((contract.id, ends_ms))
        if soon:
            self.reload()

    def _carry_out(self, contract: Contract) -> None:
        """Open one contract's accounts. What an earlier try has done is found done."""
        with self._database.reading() as db:
            before = store.read_accounts_before(db, contract)
        opened = set()
        closed = {_likeness(one): one.id for one in self._ledger.accounts(closed=True) if one.id in before}
        if contract.runs(self._clock.now_ms()):
            for opening in plans.openings(self.plan(contract.plan), contract, first=self._is_first(contract)):
                if opening.expires_at_ms is None or opening.expires_at_ms > self._clock.now_ms():
                    opened.add(self._open(contract, opening, closed).id)
            for account in self._ledger.accounts():
                if account.id in before - opened and account.funding not in (Funding.PREPAID, Funding.CREDIT):
                    self._ledger.close_account(account.id)  # What was given or paid for stays until it is used.
        with self._changing() as db:
            store.write_opened(db, contract.id, opened, at_ms=self._clock.now_ms())

    def _open(self, contract: Contract, opening: Opening, closed: Mapping[Likeness, AccountId]) -> Account:
        """Open an account; what an earlier contract had of its kind goes on, with what this month used of it."""
        owner, count = contract.organisation, opening.count_max
        earlier = closed.get(_likeness(opening))
        if earlier is not None and count is not None:
            account = self._ledger.reopen_account(earlier)
        else:
            account = self._ledger.open_account(
                owner,
                purpose=opening.purpose,
                unit=opening.unit,
                period=opening.period,
                count_max=count,
                name=opening.name if opening.purpose == Purpose.WALLET else "",
                funding=opening.funding,
                expires_at_ms=opening.expires_at_ms,
            )
        if count is not None and account.count_max != count:
            account = self._ledger.set_count(account.id, count)
        if opening.grant is not None:
            self._ledger.grant(account.id, opening.grant, contract.id)
        return account

    def _is_first(self, contract: Contract) -> bool:
        """Whether the organisation had no earlier contract on a plan of this name."""
        name = self.plan(contract.plan).name
        return not any(
            one.starts_ms < contract.starts_ms and one.ends_ms != one.starts_ms and self.plan(one.plan).name == name
            for one in self.contracts(contract.organisation)
        )

    def _add(self, db: Connection, contract: Contract) -> None:
        if contract.ends_ms is not None and contract.ends_ms <= contract.starts_ms:
            raise InvalidRequest("a contract ends after it starts")
        if max(contract.starts_ms, contract.ends_ms or 0) > plans.LAST_MS:
            raise InvalidRequest("a contract starts and ends before the year 9000")
        if contract.seats_max is not None and not 0 <= contract.seats_max <= plans.SEATS_MAX:
            raise InvalidRequest(f"a contract has 0 to {plans.SEATS_MAX:,} seats")
        self._check_book(contract.book)
        there = plans.overlapping(contract, store.read_contracts(db, contract.organisation))
        if there is not None:
            until = "on" if there.ends_ms is None else f"until {_day(there.ends_ms)}"
            raise Conflict(
                f"{contract.organisation} has a contract from {_day(there.starts_ms)} {until}; change it with "
                "`courtyard contracts change`, or end it with `courtyard contracts end`"
            )
        by_organisation: dict[OrganisationId, tuple[Contract, ...]] = {}
        for one in store.read_contracts(db):
            by_organisation[one.organisation] = (*by_organisation.get(one.organisation, ()), one)
        if contract.reseller is not None and contract.reseller not in by_organisation:
            raise Conflict(f"reseller {contract.reseller} has no contract itself; sign that one first")
        plans.check_tree(contract, by_organisation)
        store.write_contract(db, contract)

    def _check_book(self, book: str) -> None:
        known = {STANDARD, *self._pricing.books()}
        if book not in known:
            raise InvalidRequest(f"there is no price book {book!r}; there are {', '.join(sorted(known))}")


def _likeness(one: Account | Opening) -> Likeness:
    return one.purpose, one.unit, one.period, one.funding or Funding.NONE, one.expires_at_ms


def _named(listed: list[Listed], name: str) -> Listed:
    found = [one for one in listed if name in (one.digest, one.plan.name)]
    if not found:
        raise NotFound(f"there is no plan {name!r}; see `courtyard plans list`")
    return found[-1]


def _is_said_again(contract: Contract, there: Contract, *, starts_ms: int | None, ends_ms: int | None) -> bool:
    """Whether a contract says no more than one that stands: somebody asks again, not having heard the answer."""
    return (
        (contract.plan, contract.book, contract.reseller, contract.seats_max)
        == (there.plan, there.book, there.reseller, there.seats_max)
        and starts_ms in (None, there.starts_ms)
        and ends_ms in (None, there.ends_ms)
    )


def _day(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d}"

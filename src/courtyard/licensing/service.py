"""Licensing's face: from an admission to who pays, and from usage to what is held and charged."""

from collections.abc import Callable
from typing import NamedTuple

from courtyard.core.admission import Admission
from courtyard.core.amount import Unit, currency
from courtyard.core.chat import Request
from courtyard.core.clock import Clock, date_time
from courtyard.core.errors import BudgetExhausted, ContractEnded, NotAllowed, SeatRequired
from courtyard.core.ids import AccountId, ModelName, OrganisationId
from courtyard.core.principal import Principal
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Hold, Ledger, Leg, Needs
from courtyard.licensing import plans, rules
from courtyard.licensing.licensed import Licensed, LicensingSettings
from courtyard.licensing.model import Contract, Entitlement
from courtyard.licensing.reselling import Reselling
from courtyard.pricing import STANDARD, Pricing
from courtyard.storage import Database


class _Terms(NamedTuple):
    """What an organisation's contract says of a request."""

    book: str = STANDARD
    above: tuple[OrganisationId, ...] = ()
    """The resellers whose limits hold too."""


class _SortedOut(NamedTuple):
    """Accounts that bear on a caller's requests, once they were put in their order; good while they are the same."""

    accounts: tuple[Account, ...]
    unit: Unit
    wallets: tuple[Account, ...]
    limits: tuple[Account, ...]


_SORTED_OUT_MAX = 10_000

_PAY_AS_YOU_GO = _Terms()
"""An organisation without a contract pays from the accounts that were opened for it by hand."""


class Licensing(Reselling):
    """Answers requests from memory, as the ledger and the price books do; safe on the request path."""

    def __init__(
        self,
        ledger: Ledger,
        pricing: Pricing,
        database: Database,
        clock: Clock,
        *,
        settings: LicensingSettings = LicensingSettings(),
    ) -> None:
        self.installed = Licensed(settings, database, ledger, clock)
        """The licence of this installation, if it has one."""
        self._sorted_out: dict[tuple[str, ...], _SortedOut] = {}
        super().__init__(ledger, pricing, database, clock)

    def entitle(self, admission: Admission) -> Entitlement:
        """Find who pays for an admitted request, at which price, and every limit that it counts against.

        Wallets pay in turn, in the currency of the price: the project's where it has money of its own, or else the
        organisation's. Limits of the installation, the resellers above, the organisation, the project, the key and the
        person all hold.

        Raises:
            BudgetExhausted: there is no wallet in the price's currency.
            ContractEnded: the organisation's contract, or that of a reseller above it, does not run.
            NotAllowed: the plan does not offer the model.
            SeatRequired: the plan is sold by the seat, and the caller holds none.
            LicenceRefused: the licence of this installation does not permit it.
            Unavailable: the model has no price in force.
        """
        principal, model = admission.principal, admission.request.model
        self.installed.check(model)
        terms = self._terms(principal, model)
        priced = self._pricing.priced(model, terms.book)
        bearing = (
            self.installed.owner,
            *terms.above,
            principal.organisation,
            principal.project,
            principal.key,
            principal.person,
        )
        owners = tuple([owner for owner in bearing if owner is not None])
        accounts = self._ledger.owned(owners)
        sorted_out = self._sorted_out.get(owners)
        if sorted_out is not None and sorted_out.unit == priced.unit and sorted_out.accounts == accounts:
            return Entitlement(wallets=sorted_out.wallets, limits=sorted_out.limits, priced=priced)
        wallets = rules.paying(accounts, owners=(principal.project, principal.organisation), unit=priced.unit)
        if not wallets:
            raise BudgetExhausted(
                f"organisation {principal.organisation!r} has no wallet in {currency(priced.unit)}; "
                "an operator can open one: see `courtyard accounts --help`"
            )
        limits = rules.bounding(accounts, owners=owners, unit=priced.unit)
        if len(self._sorted_out) >= _SORTED_OUT_MAX:
            self._sorted_out.clear()
        self._sorted_out[owners] = _SortedOut(accounts, priced.unit, wallets, limits)
        return Entitlement(wallets=wallets, limits=limits, priced=priced)

    def legs(
        self, entitlement: Entitlement, available: Callable[[AccountId], int], *, usage_max: Usage
    ) -> tuple[Leg, ...]:
        """Say what to hold on each account, in their order, so that no usage within `usage_max` costs more."""
        return rules.legs(entitlement, usage_max=usage_max, available=available)

    def needs(self, entitlement: Entitlement, available: Callable[[AccountId], int], *, usage_max: Usage) -> Needs:
        """Say what a node that has only parts of accounts is to have at hand, so that no usage within costs more."""
        return rules.needs(entitlement, usage_max=usage_max, available=available)

    def refusal(
        self, entitlement: Entitlement, available: Callable[[AccountId], int], *, usage_max: Usage
    ) -> BudgetExhausted | None:
        """Say what the wallets lack for a request, and who can change it; nothing where they cover it."""
        lacking = rules.shortfall(entitlement, usage_max=usage_max, available=available)
        return None if lacking is None else BudgetExhausted(lacking)

    def charges(self, entitlement: Entitlement, usage: Usage, *, hold: Hold) -> tuple[Leg, ...]:
        """Say what each account is charged: what was used, and never more than was held."""
        return rules.charges(entitlement, usage, hold=hold)

    def tokens_affordable(
        self,
        entitlement: Entitlement,
        request: Request,
        available: Callable[[AccountId], int],
        *,
        prompt_tokens_max: int | None = None,
    ) -> int:
        """Count the tokens that each choice of the answer may have, so that every account covers all of them.

        `prompt_tokens_max` is a bound on the prompt that is better than the request's own, such as the model's context.
        """
        bound = request.input_tokens_max if prompt_tokens_max is None else prompt_tokens_max
        return rules.tokens_affordable(
            entitlement, prompt_tokens_max=bound, choices=request.choices, available=available
        )

    def reload(self) -> None:
        """Read everything again: another process changed something."""
        super().reload()
        self.installed.reload()

    def carry_out(self) -> None:
        """Open what contracts that have begun speak of, and what the licence of this installation does."""
        super().carry_out()
        self.installed.carry_out()

    def _terms(self, principal: Principal, model: ModelName) -> _Terms:
        """Find what the organisation agreed to, and refuse what it did not."""
        theirs = self._known.contracts.get(principal.organisation)
        seated = self.installed.seats is not None
        if theirs is None:
            if seated:
                self._check_seat(principal)
            return _PAY_AS_YOU_GO
        now_ms = self._clock.now_ms()
        contract = self._running(principal.organisation, now_ms)
        plan = self._known.plans[contract.plan]
        if plan.models is not None and model not in plan.models:
            raise NotAllowed(
                f"plan {plan.name!r} does not offer model {model!r}, but {', '.join(plan.models)}; an operator can "
                "change the plan, and an admin of the organisation may ask for it",
                param="model",
            )
        if plan.seats is not None and plan.seats.people_only and principal.person is None:
            raise SeatRequired(
                f"plan {plan.name!r} is for people who hold a seat, and this key belongs to a project; use a key of "
                "your own, or ask an operator for another plan"
            )
        if plan.seats is not None or seated:
            self._check_seat(principal)
        if contract.reseller is None:
            return _Terms(contract.book)
        above = plans.above(principal.organisation, self._known.contracts, now_ms=now_ms)
        for reseller in above:
            self._running(reseller, now_ms)
        return _Terms(contract.book, tuple(reversed(above)))

    def _running(self, organisation: OrganisationId, now_ms: int) -> Contract:
        contract = plans.at(self._known.contracts.get(organisation, ()), now_ms)
        if contract is not None and contract.runs(now_ms):
            return contract
        raise _ended(organisation, contract, self._known.plans[contract.plan].name if contract else "", now_ms)

    def _check_seat(self, principal: Principal) -> None:
        """Let people pass who hold a seat, and keys that belong to nobody."""
        if principal.person is None:
            return
        before, licensed = self._known.seated.get(principal.person), self._seats_licensed()
        if before is None:
            raise SeatRequired(
                "this plan is sold by the seat, and you hold none; an operator or an admin of your organisation can "
                f"give you one: `courtyard seats assign {principal.person}`"
            )
        if licensed is not None and before >= licensed:
            raise SeatRequired(
                f"the licence of this installation has {licensed} seats, and those who held theirs before you have "
                "them; an operator can free one with `courtyard seats free`, or install a licence for more"
            )

    def _seats_licensed(self) -> int | None:
        return self.installed.seats


def _ended(organisation: OrganisationId, contract: Contract | None, plan: str, now_ms: int) -> ContractEnded:
    if contract is None:
        return ContractEnded(
            f"the contract of organisation {organisation!r} was withdrawn; an operator can sign one: "
            "`courtyard contracts sign`"
        )
    if contract.starts_ms > now_ms:
        return ContractEnded(
            f"the contract of organisation {organisation!r} on plan {plan!r} begins on "
            f"{_moment(contract.starts_ms)}; an operator can sign one for the time before"
        )
    return ContractEnded(
        f"the contract of organisation {organisation!r} on plan {plan!r} ended on {_moment(contract.ends_ms or 0)}; "
        f"an operator can renew it, when an admin asks: `courtyard contracts sign {organisation} {plan}`"
    )


def _moment(ms: int) -> str:
    return f"{date_time(ms):%Y-%m-%d %H:%M} UTC"

"""Licensing's face: from an admission to who pays, and from usage to what is held and charged."""

from collections.abc import Callable

from courtyard.core.admission import Admission
from courtyard.core.amount import currency
from courtyard.core.chat import Request
from courtyard.core.errors import BudgetExhausted
from courtyard.core.ids import AccountId
from courtyard.core.usage import Usage
from courtyard.ledger import Hold, Ledger, Leg
from courtyard.licensing import rules
from courtyard.licensing.model import Entitlement
from courtyard.pricing import Pricing


class Licensing:
    """Answers from what the ledger and the price book have in memory; safe on the request path."""

    def __init__(self, ledger: Ledger, pricing: Pricing) -> None:
        self._ledger = ledger
        self._pricing = pricing

    def entitle(self, admission: Admission) -> Entitlement:
        """Find who pays for an admitted request, at which price, and every limit that it counts against.

        One wallet pays, in the currency of the price: the project's, or else the organisation's. Limits of the
        organisation, the project, the key and the person all hold.

        Raises:
            BudgetExhausted: there is no wallet in the price's currency.
            Unavailable: the model has no price in force.
        """
        principal = admission.principal
        priced = self._pricing.priced(admission.request.model)
        bearing = (principal.organisation, principal.project, principal.key, principal.person)
        owners = tuple(str(owner) for owner in bearing if owner is not None)
        accounts = self._ledger.owned(owners)
        wallet = rules.paying(accounts, owners=(principal.project, principal.organisation), unit=priced.unit)
        if wallet is None:
            raise BudgetExhausted(
                f"organisation {principal.organisation!r} has no wallet in {currency(priced.unit)}; "
                "an operator can open one: see `courtyard accounts --help`"
            )
        limits = rules.bounding(accounts, owners=owners, unit=priced.unit)
        return Entitlement(accounts=(wallet, *limits), priced=priced)

    def legs(self, entitlement: Entitlement, *, usage_max: Usage) -> tuple[Leg, ...]:
        """Say what to hold on each account, in their order, so that no usage within `usage_max` costs more."""
        return rules.legs(entitlement, usage_max=usage_max)

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

"""One wallet pays, every limit holds, and who has neither is told what to do."""

import pytest

from courtyard.core.amount import REQUEST, TOKEN, Unit, money
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BudgetExhausted, Unavailable
from courtyard.core.ids import ModelName
from courtyard.ledger import Account, Funding, Ledger, Period, Purpose
from courtyard.licensing import Entitlement, Licensing
from courtyard.pricing import Pricing
from tests.licensing.asking import KEY, ORGANISATION, PERSON, PROJECT, admitted, asked

USD, EUR = money("USD"), money("EUR")


def wallet(ledger: Ledger, owner: str, unit: Unit = USD, *, monthly: int | None = None) -> Account:
    """A prepaid wallet, or a credit line where a sum for each month is given."""
    period = Period.FOREVER if monthly is None else Period.MONTH
    return ledger.open_account(owner, purpose=Purpose.WALLET, unit=unit, period=period, count_max=monthly)


def given(
    ledger: Ledger,
    owner: str,
    funding: Funding,
    *,
    unit: Unit = USD,
    monthly: int | None = None,
    expires_at_ms: int | None = None,
) -> Account:
    """A wallet that nobody pays for: filled each month, or once."""
    return ledger.open_account(
        owner,
        purpose=Purpose.WALLET,
        unit=unit,
        period=Period.FOREVER if monthly is None else Period.MONTH,
        count_max=monthly,
        funding=funding,
        expires_at_ms=expires_at_ms,
    )


def limit(ledger: Ledger, owner: str, unit: Unit, period: Period, count: int = 1000) -> Account:
    account = ledger.set_limit(owner, unit=unit, period=period, count=count)
    assert account is not None
    return account


def payer(entitlement: Entitlement) -> Account:
    """The wallet that pays, which is the only one."""
    (paying,) = entitlement.wallets
    assert entitlement.accounts == (paying, *entitlement.limits)
    return paying


def test_the_organisation_pays(licensing: Licensing, ledger: Ledger, pricing: Pricing) -> None:
    """Its wallet in the price's currency is charged, at the price in force."""
    wallet(ledger, ORGANISATION, EUR)
    paying = wallet(ledger, ORGANISATION)

    entitlement = licensing.entitle(admitted())

    assert payer(entitlement) == paying
    assert entitlement.priced == pricing.priced(ModelName("small"))


def test_a_project_that_has_a_wallet_pays_itself(licensing: Licensing, ledger: Ledger) -> None:
    """The nearest wallet is charged, and no other one; another project of the organisation is not its concern."""
    organisation = wallet(ledger, ORGANISATION)
    project = wallet(ledger, PROJECT)

    assert payer(licensing.entitle(admitted())) == project
    assert payer(licensing.entitle(admitted(project="proj_2"))) == organisation


def test_a_wallet_in_another_currency_is_passed_over(licensing: Licensing, ledger: Ledger) -> None:
    """A project's wallet in euros does not pay a price in dollars."""
    wallet(ledger, PROJECT, EUR)
    organisation = wallet(ledger, ORGANISATION)

    assert payer(licensing.entitle(admitted())) == organisation


def test_what_was_given_is_used_before_what_was_paid_and_that_before_what_is_owed(
    licensing: Licensing, ledger: Ledger, clock: FrozenClock
) -> None:
    """Tokens first; then what is included, credit that expires soonest, prepaid money, and what is invoiced."""
    day_ms = 86_400_000
    owed = wallet(ledger, ORGANISATION, monthly=10**12)
    prepaid = wallet(ledger, ORGANISATION)
    lasting, later, soon = (
        given(ledger, ORGANISATION, Funding.CREDIT, expires_at_ms=expires_at_ms)
        for expires_at_ms in (None, clock.now_ms() + 2 * day_ms, clock.now_ms() + day_ms)
    )
    included = given(ledger, ORGANISATION, Funding.INCLUDED, monthly=10**9)
    tokens = given(ledger, ORGANISATION, Funding.INCLUDED, unit=TOKEN, monthly=1000)

    assert licensing.entitle(admitted()).wallets == (tokens, included, soon, later, lasting, prepaid, owed)

    clock.advance(86_400)
    assert licensing.entitle(admitted()).wallets == (tokens, included, later, lasting, prepaid, owed)


def test_a_project_uses_what_it_was_given_before_its_organisation_pays(licensing: Licensing, ledger: Ledger) -> None:
    """Of each kind the nearest comes first. Only money of its own makes a project pay alone."""
    organisation = wallet(ledger, ORGANISATION)
    shared = given(ledger, ORGANISATION, Funding.CREDIT)
    own = given(ledger, PROJECT, Funding.CREDIT)
    assert licensing.entitle(admitted()).wallets == (own, shared, organisation)

    alone = wallet(ledger, PROJECT)

    assert licensing.entitle(admitted()).wallets == (own, alone)


@pytest.mark.parametrize("owner", [KEY, PERSON, "org_2"])
def test_only_projects_and_organisations_pay(licensing: Licensing, ledger: Ledger, owner: str) -> None:
    """Without a wallet of theirs in the currency nothing runs, and the refusal says who can change that."""
    wallet(ledger, owner)
    wallet(ledger, ORGANISATION, EUR)

    with pytest.raises(BudgetExhausted, match=r"'org_1' has no wallet in USD; an operator .* `courtyard accounts"):
        licensing.entitle(admitted())


def test_every_limit_holds(licensing: Licensing, ledger: Ledger) -> None:
    """Money, tokens and requests; of the organisation, project, key and person; for a minute, day, month or for good.

    The wallet comes first, and then limits from the organisation to the person, in the same order each time.
    """
    wallet(ledger, ORGANISATION)
    expected = [
        limit(ledger, ORGANISATION, REQUEST, Period.MINUTE),
        limit(ledger, ORGANISATION, USD, Period.MONTH),
        limit(ledger, PROJECT, USD, Period.DAY),
        limit(ledger, KEY, TOKEN, Period.FOREVER),
        limit(ledger, KEY, TOKEN, Period.MINUTE),
        limit(ledger, PERSON, TOKEN, Period.DAY),
    ]
    limit(ledger, "proj_2", USD, Period.DAY)
    limit(ledger, "person_2", TOKEN, Period.DAY)

    entitlement = licensing.entitle(admitted())

    assert list(entitlement.accounts[1:]) == expected
    assert licensing.entitle(admitted()) == entitlement


def test_a_caller_without_key_or_person_has_their_limits_not(licensing: Licensing, ledger: Ledger) -> None:
    """Somebody who is signed in has no key, and a project's key no person."""
    wallet(ledger, ORGANISATION)
    key = limit(ledger, KEY, TOKEN, Period.DAY)
    person = limit(ledger, PERSON, TOKEN, Period.DAY)

    assert licensing.entitle(admitted(person=None)).accounts[1:] == (key,)
    assert licensing.entitle(admitted(key=None)).accounts[1:] == (person,)


def test_a_limit_in_another_currency_counts_other_requests(licensing: Licensing, ledger: Ledger) -> None:
    """What is priced in dollars is no use of euros."""
    wallet(ledger, ORGANISATION)
    limit(ledger, ORGANISATION, EUR, Period.DAY)

    assert len(licensing.entitle(admitted()).accounts) == 1


def test_a_limit_that_nobody_can_keep_lets_nothing_pass(licensing: Licensing, ledger: Ledger) -> None:
    """A unit that no request is counted in, as after a slip of the pen, is refused and not passed over."""
    wallet(ledger, ORGANISATION)
    limit(ledger, ORGANISATION, Unit("tokens"), Period.DAY)

    with pytest.raises(Unavailable, match="limits 'tokens', which no request is counted in"):
        licensing.entitle(admitted())


def test_a_limit_that_is_lifted_holds_no_longer(licensing: Licensing, ledger: Ledger) -> None:
    """The next request is entitled without it."""
    wallet(ledger, ORGANISATION)
    limit(ledger, ORGANISATION, TOKEN, Period.DAY)
    ledger.set_limit(ORGANISATION, unit=TOKEN, period=Period.DAY, count=None)

    assert len(licensing.entitle(admitted()).accounts) == 1


def test_a_model_without_a_price_is_not_served(licensing: Licensing, ledger: Ledger) -> None:
    """There is no entitlement without a price, whatever the wallet holds."""
    wallet(ledger, ORGANISATION)

    with pytest.raises(Unavailable, match="'large' has no price in force"):
        licensing.entitle(admitted(asked(model=ModelName("large"))))


def test_a_change_of_price_changes_the_next_request(
    licensing: Licensing, ledger: Ledger, pricing: Pricing, clock: FrozenClock
) -> None:
    """A request keeps the price that it was entitled to; the one after it has the new one, and pays in its currency."""
    wallet(ledger, ORGANISATION)
    euros = wallet(ledger, ORGANISATION, EUR)
    before = licensing.entitle(admitted())
    clock.advance(1)
    version = pricing.set_price(ModelName("small"), {"input": 1, "output": 1}, currency="EUR")

    after = licensing.entitle(admitted())
    assert payer(after) == euros
    assert after.priced.book == version.book != before.priced.book

"""Contracts open what their plans speak of, once; they begin, change and end when they say so."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from courtyard.core.amount import TOKEN, Amount, money
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, ContractEnded, InvalidRequest, NotAllowed, NotFound
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.ledger import Funding, Ledger, Period
from courtyard.licensing import Licensing
from courtyard.notices import Notices, NoticesSettings
from courtyard.pricing import Pricing
from courtyard.storage import Database
from tests.licensing.asking import ORGANISATION, admitted
from tests.licensing.sold import DAY_MS, DAY_S, accounts, plan

OTHER = OrganisationId("org_2")
USD = money("USD")


def test_a_contract_opens_what_its_plan_speaks_of(licensing: Licensing, ledger: Ledger, clock: FrozenClock) -> None:
    """Each kind of wallet and each limit, in the name of the organisation; credit is there to be used."""
    everything = {
        "allowance": "40 USD",
        "tokens": 1_000_000,
        "credit": "5 USD",
        "credit_days": 30,
        "prepaid": "true",
        "limits": "[600 requests/minute, 5 USD/day]",
    }
    licensing.add_plan(plan("all", **everything))
    contract = licensing.sign(ORGANISATION, "all")
    opened = accounts(ledger, ORGANISATION)

    assert {name: (one.unit, one.period, one.funding, one.count_max) for name, one in opened.items()} == {
        "included tokens": (TOKEN, Period.MONTH, Funding.INCLUDED, 1_000_000),
        "monthly allowance": (USD, Period.MONTH, Funding.INCLUDED, 40 * 10**9),
        "credit": (USD, Period.FOREVER, Funding.CREDIT, None),
        "prepaid wallet": (USD, Period.FOREVER, Funding.PREPAID, None),
        "credit line": (USD, Period.MONTH, Funding.POSTPAID, 10 * 10**9),
        "requests a minute": ("request", Period.MINUTE, Funding.NONE, 600),
        "USD a day": (USD, Period.DAY, Funding.NONE, 5 * 10**9),
    }
    assert opened["credit"].expires_at_ms == contract.starts_ms + 30 * DAY_MS
    (given,) = ledger.balances([opened["credit"].id])
    assert given.available == 5 * 10**9
    assert len(licensing.entitle(admitted()).wallets) == 5


def test_a_contract_that_is_signed_again_changes_nothing(licensing: Licensing, ledger: Ledger) -> None:
    """Somebody who did not hear the answer asks again: one contract, each account once, credit once."""
    licensing.add_plan(plan(credit="5 USD", prepaid="true"))
    first = licensing.sign(ORGANISATION, "basic")
    opened = accounts(ledger, ORGANISATION)

    assert licensing.sign(ORGANISATION, "basic") == first
    licensing.carry_out()
    assert licensing.contracts() == (first,)
    assert accounts(ledger, ORGANISATION) == opened
    assert [balance.granted for balance in ledger.balances([opened["credit"].id])] == [5 * 10**9]


def test_a_contract_whose_opening_was_cut_short_is_opened_in_the_end(
    licensing: Licensing, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was done is found done: the credit is not given twice."""
    licensing.add_plan(plan(credit="5 USD"))

    def cut(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("courtyard.licensing.store.write_opened", cut)
        with pytest.raises(ConnectionError):
            licensing.sign(ORGANISATION, "basic")
    before = accounts(ledger, ORGANISATION)
    assert licensing.is_due()
    licensing.carry_out()

    assert not licensing.is_due()
    assert accounts(ledger, ORGANISATION) == before
    assert [balance.granted for balance in ledger.balances([before["credit"].id])] == [5 * 10**9]


def test_several_who_carry_it_out_at_once_open_it_once(
    licensing: Licensing, ledger: Ledger, pricing: Pricing, database: Database, clock: FrozenClock
) -> None:
    """Each serving process does, at the same moment: one account of each kind, and credit once."""
    licensing.add_plan(plan(credit="5 USD", allowance="1 USD", limits="[5 requests/day]"))
    licensing.sign(ORGANISATION, "basic", starts_ms=clock.now_ms() + DAY_MS)
    assert accounts(ledger, ORGANISATION) == {}
    clock.advance(DAY_S)
    serving = [Licensing(ledger, pricing, database, clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(Licensing.carry_out, serving))

    owned = [account for account in ledger.accounts() if account.owner == ORGANISATION]
    assert len(owned) == len(accounts(ledger, ORGANISATION)) == 4
    (given,) = ledger.balances([accounts(ledger, ORGANISATION)["credit"].id])
    assert given.granted == 5 * 10**9


def test_only_one_contract_is_signed_however_many_try_at_once(licensing: Licensing) -> None:
    """On either database: who comes second is told what stands."""
    for name in ("one", "two", "three", "four"):
        licensing.add_plan(plan(name))

    def sign(name: str) -> bool:
        try:
            licensing.sign(ORGANISATION, name)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        signed = list(threads.map(sign, ("one", "two", "three", "four")))

    assert sum(signed) == 1
    assert len(licensing.contracts()) == 1


def test_an_organisation_without_a_contract_pays_as_it_goes(licensing: Licensing, ledger: Ledger) -> None:
    """From the wallets that were opened by hand, by the standard price book, whatever others signed."""
    licensing.add_plan(plan())
    licensing.sign(OTHER, "basic")
    wallet = ledger.open_account(ORGANISATION, purpose="wallet", unit=USD)

    assert licensing.entitle(admitted()).wallets == (wallet,)
    assert licensing.contract(ORGANISATION) is None


def test_a_contract_begins_and_ends_when_it_says(licensing: Licensing, clock: FrozenClock) -> None:
    """Before and after it requests are a 402 that says which contract, when, and what an operator can do."""
    licensing.add_plan(plan())
    starts_ms, ends_ms = clock.now_ms() + 2 * DAY_MS, clock.now_ms() + 5 * DAY_MS
    licensing.sign(ORGANISATION, "basic", starts_ms=starts_ms, ends_ms=ends_ms)
    with pytest.raises(ContractEnded, match="'org_1' on plan 'basic' begins on 2026-01-03 00:00 UTC"):
        licensing.entitle(admitted())
    clock.advance(2 * DAY_S)
    assert licensing.is_due()
    licensing.carry_out()
    assert len(licensing.entitle(admitted()).wallets) == 1
    clock.advance(3 * DAY_S)

    with pytest.raises(ContractEnded, match=r"ended on 2026-01-06 00:00 UTC; an operator can renew it, .* org_1 basic"):
        licensing.entitle(admitted())


def test_a_trial_ends_by_itself(licensing: Licensing, ledger: Ledger, clock: FrozenClock) -> None:
    """After its days, with what is left of its credit; changing to a plan that is no trial lifts the end."""
    licensing.add_plan(plan("trial", credit_line=None, credit="5 USD", credit_days=14, trial_days=14))
    licensing.add_plan(plan("paid"))
    trial = licensing.sign(ORGANISATION, "trial")
    assert trial.ends_ms == clock.now_ms() + 14 * DAY_MS
    assert [wallet.funding for wallet in licensing.entitle(admitted()).wallets] == [Funding.CREDIT]
    clock.advance(10 * DAY_S)
    paid = licensing.change(ORGANISATION, "paid")
    assert paid.ends_ms is None
    assert [wallet.funding for wallet in licensing.entitle(admitted()).wallets] == [Funding.CREDIT, Funding.POSTPAID]
    clock.advance(4 * DAY_S)

    assert [wallet.funding for wallet in licensing.entitle(admitted()).wallets] == [Funding.POSTPAID]


def test_changing_plan_keeps_what_was_and_moves_the_accounts(
    licensing: Licensing, ledger: Ledger, clock: FrozenClock
) -> None:
    """One contract ends where the next begins; an allowance is raised and not given again, and what went is closed."""
    licensing.add_plan(plan("small", allowance="10 USD", limits="[60 requests/minute]", prepaid="true"))
    licensing.add_plan(plan("large", allowance="100 USD", credit_line=None))
    first = licensing.sign(ORGANISATION, "small")
    before = accounts(ledger, ORGANISATION)
    clock.advance(3 * DAY_S)
    second = licensing.change(ORGANISATION, "large")
    after = accounts(ledger, ORGANISATION)

    assert licensing.change(ORGANISATION, "large") == second
    assert [(one.plan, one.starts_ms, one.ends_ms) for one in licensing.contracts(ORGANISATION)] == [
        (first.plan, first.starts_ms, second.starts_ms),
        (second.plan, clock.now_ms(), None),
    ]
    assert after.keys() == {"monthly allowance", "prepaid wallet"}
    assert after["monthly allowance"].id == before["monthly allowance"].id
    assert after["monthly allowance"].count_max == 100 * 10**9


def test_a_change_for_later_waits(licensing: Licensing, ledger: Ledger, clock: FrozenClock) -> None:
    """Until then everything is as it was; whoever serves then opens the new accounts."""
    licensing.add_plan(plan("small", allowance="10 USD"))
    licensing.add_plan(plan("large", allowance="100 USD"))
    licensing.sign(ORGANISATION, "small")
    licensing.change(ORGANISATION, "large", from_ms=clock.now_ms() + DAY_MS)
    assert accounts(ledger, ORGANISATION)["monthly allowance"].count_max == 10 * 10**9
    assert not licensing.is_due()
    clock.advance(DAY_S)
    assert licensing.is_due()
    licensing.carry_out()

    assert accounts(ledger, ORGANISATION)["monthly allowance"].count_max == 100 * 10**9


def test_credit_comes_once_however_often_the_plan_is_taken(
    licensing: Licensing, ledger: Ledger, clock: FrozenClock
) -> None:
    """Going to and fro between plans is no way to be given more."""
    licensing.add_plan(plan("a", credit="5 USD"))
    licensing.add_plan(plan("b"))
    licensing.sign(ORGANISATION, "a")
    for name in ("b", "a"):
        clock.advance(1)
        licensing.change(ORGANISATION, name)

    (balance,) = ledger.balances([accounts(ledger, ORGANISATION)["credit"].id])
    assert balance.granted == 5 * 10**9


def test_what_was_opened_by_hand_pays_beside_the_plan(licensing: Licensing, ledger: Ledger, clock: FrozenClock) -> None:
    """And no change of plan closes it."""
    wallet = ledger.open_account(ORGANISATION, purpose="wallet", unit=USD)
    ledger.top_up(wallet.id, Amount(10**9, USD), "by hand")
    licensing.add_plan(plan("a"))
    licensing.add_plan(plan("b", allowance="1 USD"))
    licensing.sign(ORGANISATION, "a")
    clock.advance(1)
    licensing.change(ORGANISATION, "b")

    assert wallet in licensing.entitle(admitted()).wallets


def test_a_contract_that_is_ended_is_over_and_stays_so(licensing: Licensing, clock: FrozenClock) -> None:
    """Ending it again changes nothing; another can be signed. One that has not begun is withdrawn."""
    licensing.add_plan(plan())
    licensing.sign(ORGANISATION, "basic")
    clock.advance(60)
    ended = licensing.end(ORGANISATION)
    clock.advance(60)
    assert licensing.end(ORGANISATION) == ended
    with pytest.raises(ContractEnded):
        licensing.entitle(admitted())
    later = licensing.sign(ORGANISATION, "basic", starts_ms=clock.now_ms() + DAY_MS)
    licensing.end(ORGANISATION)
    again = licensing.sign(ORGANISATION, "basic")

    assert [one.id for one in licensing.contracts()] == [ended.id, again.id, later.id]
    assert licensing.contract(ORGANISATION) == again
    with pytest.raises(NotFound, match="org_2 has no contract"):
        licensing.end(OTHER)


def test_dates_that_make_no_contract_are_refused(licensing: Licensing, clock: FrozenClock) -> None:
    """Months that may be invoiced already are not touched, and nothing ends before it begins."""
    licensing.add_plan(plan())
    with pytest.raises(InvalidRequest, match="starts in this month or later"):
        licensing.sign(ORGANISATION, "basic", starts_ms=clock.now_ms() - 40 * DAY_MS)
    with pytest.raises(InvalidRequest, match="ends after it starts"):
        licensing.sign(ORGANISATION, "basic", ends_ms=clock.now_ms())
    with pytest.raises(NotFound, match="no contract on 2026-01-01"):
        licensing.change(ORGANISATION, "basic")
    licensing.sign(ORGANISATION, "basic")
    with pytest.raises(InvalidRequest, match="changes from now on or later"):
        licensing.change(ORGANISATION, "basic", from_ms=clock.now_ms() - 1)

    with pytest.raises(Conflict, match=r"has a contract from 2026-01-01 on; change it with `courtyard contracts"):
        licensing.sign(ORGANISATION, "basic", seats_max=3)


def test_a_plan_offers_its_models_and_its_prices(licensing: Licensing, pricing: Pricing) -> None:
    """Another model is a 403 that names them; the contract's price book says what they cost."""
    pricing.set_price(ModelName("small"), {"input": 7, "output": 7}, currency="USD", book="retail")
    licensing.add_plan(plan("other", models="[large]"))
    licensing.add_plan(plan("mine", models="[small]", book="retail"))
    licensing.sign(ORGANISATION, "other")
    with pytest.raises(NotAllowed, match="plan 'other' does not offer model 'small', but large"):
        licensing.entitle(admitted())
    licensing.change(ORGANISATION, "mine")

    assert licensing.entitle(admitted()).priced == pricing.priced(ModelName("small"), "retail")


def test_another_process_hears_of_it(licensing: Licensing, ledger: Ledger, pricing: Pricing, database, clock) -> None:
    """What one changes the other has in memory once it reads again."""
    there = Licensing(ledger, pricing, database, clock)
    licensing.add_plan(plan())
    licensing.sign(ORGANISATION, "basic")
    assert there.contract(ORGANISATION) is None
    there.reload()

    assert there.contract(ORGANISATION) == licensing.contract(ORGANISATION)


def test_people_are_told_once_that_a_contract_ends(
    licensing: Licensing, database: Database, clock: FrozenClock
) -> None:
    """Two weeks before, unless another one follows; however many processes look."""
    notices = Notices(database, clock, NoticesSettings())
    licensing.add_plan(plan())
    licensing.sign(ORGANISATION, "basic", ends_ms=clock.now_ms() + 20 * DAY_MS)
    licensing.sign(OTHER, "basic", ends_ms=clock.now_ms() + 20 * DAY_MS)
    licensing.sign(OTHER, "basic", starts_ms=clock.now_ms() + 20 * DAY_MS)
    clock.advance(5 * DAY_S)
    assert not licensing.is_due()
    clock.advance(DAY_S)
    assert licensing.is_due()
    licensing.carry_out()
    licensing.carry_out()

    assert not licensing.is_due()
    (notice,) = notices.list()
    assert (notice.organisation, notice.kind) == (ORGANISATION, "contract.ending")
    assert notice.subject == "The contract on plan basic ends on 2026-01-21, and none follows"

"""Operator, reseller, customer: each pays the one above by its own book, and its limits bind all below it."""

import pytest

from courtyard.core.amount import REQUEST, Amount, money
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, ContractEnded, InvalidRequest
from courtyard.core.ids import ModelName, OrganisationId
from courtyard.core.usage import Usage
from courtyard.ledger import Ledger, Period
from courtyard.licensing import Licensing
from courtyard.pricing import Pricing
from tests.licensing.asking import admitted
from tests.licensing.sold import plan, serve

TOP, MIDDLE, SHOP, OTHER = (OrganisationId(f"org_{name}") for name in ("top", "middle", "shop", "other"))
USD = money("USD")
SMALL = ModelName("small")


@pytest.fixture
def tree(licensing: Licensing, pricing: Pricing) -> Licensing:
    """The operator sells to `top` for 1 USD a million tokens, `top` to `middle` for 2, `middle` to `shop` for 4."""
    for book, rate in {"wholesale": 1, "resale": 2, "retail": 4}.items():
        pricing.set_price(SMALL, {"input": rate * 10**9, "output": rate * 10**9}, currency="USD", book=book)
        licensing.add_plan(plan(book, book=book))
    licensing.sign(TOP, "wholesale")
    licensing.sign(MIDDLE, "resale", reseller=TOP)
    licensing.sign(SHOP, "retail", reseller=MIDDLE)
    return licensing


def test_the_tree_is_known(tree: Licensing) -> None:
    """Who is above, the nearest first, and who is below."""
    assert tree.resellers_of(SHOP) == (MIDDLE, TOP)
    assert tree.below(TOP) == (MIDDLE, SHOP)
    assert tree.below(SHOP) == ()


def test_each_pays_the_one_above_by_its_own_book(tree: Licensing, ledger: Ledger) -> None:
    """`middle` owes 2 for what it charged 4; `top` owes 1 for what it charged 2, its customer's customers included."""
    serve(tree, ledger, (SHOP, Usage(input=3000)), (SHOP, Usage(output=1000)), (MIDDLE, Usage(input=500)))

    (below_middle,) = tree.wholesale(MIDDLE, "2026-01")
    assert (below_middle.customer, below_middle.requests, below_middle.usage) == (
        SHOP,
        2,
        Usage(input=3000, output=1000),
    )
    assert below_middle.revenue == Amount(16_000_000, USD)
    assert below_middle.wholesale == Amount(8_000_000, USD)
    assert below_middle.margin == Amount(8_000_000, USD)
    (below_top,) = tree.wholesale(TOP, "2026-01")
    assert (below_top.customer, below_top.requests) == (MIDDLE, 3)
    assert below_top.revenue == Amount(9_000_000, USD)
    assert below_top.wholesale == Amount(4_500_000, USD)
    assert tree.wholesale(SHOP, "2026-01") == tree.wholesale(TOP, "2026-02") == ()
    with pytest.raises(InvalidRequest, match="'2026-13' is no month"):
        tree.wholesale(TOP, "2026-13")


def test_what_tokens_paid_for_is_owed_all_the_same(tree: Licensing, ledger: Ledger, clock: FrozenClock) -> None:
    """The customer's plan covers it by its fee, so it brings no revenue; the reseller bought it."""
    tree.add_plan(plan("tokens", book="retail", tokens=5000))
    clock.advance(1)
    tree.change(SHOP, "tokens")
    serve(tree, ledger, (SHOP, Usage(input=3000)), (SHOP, Usage(input=3000)))

    (line,) = tree.wholesale(MIDDLE, "2026-01")
    assert (line.revenue, line.wholesale) == (Amount(12_000_000, USD), Amount(12_000_000, USD))


def test_a_customer_who_moves_is_charged_to_each_for_its_days(
    tree: Licensing, ledger: Ledger, clock: FrozenClock
) -> None:
    """What was used before the move stays with who sold it."""
    serve(tree, ledger, (SHOP, Usage(input=1000)))
    clock.advance(5 * 86_400)
    tree.end(SHOP)
    clock.advance(86_400)
    tree.sign(SHOP, "retail", reseller=TOP)

    assert [line.usage.input for line in tree.wholesale(MIDDLE, "2026-01")] == [1000]
    assert [line.customer for line in tree.wholesale(TOP, "2026-01")] == [MIDDLE]


def test_the_limits_of_a_reseller_bind_everyone_below(tree: Licensing, ledger: Ledger) -> None:
    """Of each one up to the operator, beside the customer's own; its wallets pay for nobody."""
    limits = [ledger.set_limit(owner, unit=REQUEST, period=Period.DAY, count=5) for owner in (TOP, MIDDLE, SHOP, OTHER)]
    entitlement = tree.entitle(admitted(organisation=SHOP, person=None))

    assert list(entitlement.limits) == limits[:3]
    assert {wallet.owner for wallet in entitlement.wallets} == {SHOP}


def test_a_reseller_whose_contract_ends_takes_its_customers_along(tree: Licensing, clock: FrozenClock) -> None:
    """The refusal names the contract that ended."""
    clock.advance(1)
    tree.end(TOP)

    with pytest.raises(ContractEnded, match="contract of organisation 'org_top' on plan 'wholesale' ended"):
        tree.entitle(admitted(organisation=SHOP, person=None))


def test_the_tree_has_no_circles_and_is_not_too_deep(tree: Licensing, clock: FrozenClock) -> None:
    """Nobody buys from a customer of its own, a reseller has a contract itself, and three at most stand in a row."""
    with pytest.raises(Conflict, match="reseller org_other has no contract itself"):
        tree.sign(OrganisationId("org_new"), "retail", reseller=OTHER)
    tree.sign(OTHER, "retail", reseller=SHOP)
    with pytest.raises(Conflict, match="there would be 4 resellers between the operator and a customer; 3 may be"):
        tree.sign(OrganisationId("org_new"), "retail", reseller=OTHER)
    clock.advance(1)
    tree.end(TOP)

    with pytest.raises(Conflict, match="org_shop is a customer of org_top itself"):
        tree.sign(TOP, "wholesale", reseller=SHOP)


def test_a_subtree_is_not_hung_too_deep(tree: Licensing, clock: FrozenClock) -> None:
    """What counts is the longest way down, not the customer that signs."""
    tree.sign(OTHER, "wholesale")
    tree.sign(OrganisationId("org_new"), "resale", reseller=OTHER)
    clock.advance(1)
    tree.end(TOP)

    with pytest.raises(Conflict, match="there would be 4 resellers"):
        tree.sign(TOP, "wholesale", reseller=OrganisationId("org_new"))

"""Which tax a line bears, and sums that agree as EN 16931 asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.billing import Line, LineKind, Party, TaxRule
from courtyard.billing.tax import assess

SELLER = Party(name="Nordwind", country="DE", tax_id="DE123456789")
FRENCH = Party(name="Clinique", country="FR", tax_id="FR40303265045")
RULES = (
    TaxRule(name="VAT", category="AE", sellers=("DE",), buyers=("FR", "IT"), business=True),
    TaxRule(name="VAT", rate_bp=1900, sellers=("DE",), buyers=("DE",), first_day="2026-01-01"),
    TaxRule(name="VAT", rate_bp=1600, sellers=("DE",), buyers=("DE",), last_day="2025-12-31"),
    TaxRule(name="TVA", rate_bp=2000, buyers=("FR",)),
    TaxRule(name="VAT", category="E", buyers=("GB",), note="Exempt: medical care"),
)


def line(minor: int, *, month: str = "2026-11", kind: LineKind = LineKind.USAGE) -> Line:
    return Line(number=1, kind=kind, month=month, minor=minor)


def test_a_business_abroad_owes_the_tax_itself():
    """Reverse charge needs a business with a tax number, and says so on the invoice."""
    business = assess([line(1000)], RULES, seller=SELLER, buyer=FRENCH)
    private = assess([line(1000)], RULES, seller=SELLER, buyer=Party(country="FR", business=False))
    unregistered = assess([line(1000)], RULES, seller=SELLER, buyer=Party(country="FR"))

    assert [(tax.category, tax.tax_minor) for tax in business.taxes] == [("AE", 0)]
    assert business.taxes[0].note.startswith("Reverse charge")
    assert [tax.tax_minor for tax in private.taxes] == [200]
    assert [tax.tax_minor for tax in unregistered.taxes] == [200]


def test_a_rate_holds_by_the_month_that_the_line_is_for():
    """A late use of a year with another rate bears that one, on a line of tax of its own."""
    both = assess([line(1000), line(500, month="2025-12")], RULES, seller=SELLER, buyer=Party(country="DE"))

    assert [(tax.rate_bp, tax.base_minor, tax.tax_minor) for tax in both.taxes] == [(1900, 1000, 190), (1600, 500, 80)]
    assert both.total_minor == 1770


def test_where_no_rule_fits_nothing_is_taxed_and_the_invoice_says_so():
    """A buyer of whom no rule speaks is outside the scope; an exemption gives its reason."""
    outside = assess([line(1000)], RULES, seller=SELLER, buyer=Party(country="US"))
    exempt = assess([line(1000)], RULES, seller=SELLER, buyer=Party(country="GB"))

    assert (outside.taxes[0].category, outside.total_minor) == ("O", 1000)
    assert (exempt.taxes[0].category, exempt.taxes[0].note) == ("E", "Exempt: medical care")


def test_kinds_of_lines_may_bear_different_taxes():
    """A rule for seats alone leaves use to the next one."""
    rules = (TaxRule(name="GST", rate_bp=500, lines=(LineKind.SEAT,)), TaxRule(name="GST", rate_bp=1000))
    found = assess([line(100), line(100, kind=LineKind.SEAT)], rules, seller=SELLER, buyer=FRENCH)

    assert [(tax.rate_bp, tax.base_minor, tax.tax_minor) for tax in found.taxes] == [(1000, 100, 10), (500, 100, 5)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"category": "X"}, "no category"),
        ({"rate_bp": -1}, "hundredths"),
        ({"category": "AE", "rate_bp": 1900}, "hundredths"),
        ({"first_day": "1.1.2026"}, "no day"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_the_settings(wrong: dict, reason: str):
    """What no invoice could say is found when the settings are read."""
    with pytest.raises(ValueError, match=reason):
        TaxRule(name="VAT", **wrong)


@given(
    minors=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=12),
    rate_bp=st.integers(0, 3000),
    inclusive=st.booleans(),
)
def test_sums_agree_whatever_the_amounts(minors: list[int], rate_bp: int, inclusive: bool):
    """Net lines sum to the base, base and tax to the total, and a tax that prices include takes nothing more."""
    rule = TaxRule(name="VAT", rate_bp=rate_bp, inclusive=inclusive)
    found = assess([line(minor) for minor in minors], [rule], seller=SELLER, buyer=FRENCH)
    (tax,) = found.taxes
    whole = 10_000 + rate_bp if inclusive else 10_000

    assert sum(one.net_minor for one in found.lines) == tax.base_minor == found.net_minor
    assert abs(2 * (tax.tax_minor * whole - sum(minors) * rate_bp)) <= whole
    assert found.total_minor == sum(minors) + (0 if inclusive else tax.tax_minor)

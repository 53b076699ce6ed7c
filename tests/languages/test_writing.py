"""How numbers, money and moments are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.amount import NANO, TOKEN, Amount, Unit, money
from courtyard.languages import Language
from courtyard.languages.ar import ARABIC
from courtyard.languages.en import ENGLISH
from courtyard.languages.fr import FRENCH
from courtyard.languages.ru import RUSSIAN
from courtyard.languages.sw import SWAHILI
from courtyard.languages.zh import CHINESE

USD = money("USD")


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (0, "$0.00", "US$0.00"),
        (1, "$0.000000001", "US$0.000000001"),
        (NANO // 2, "$0.50", "US$0.50"),
        (1_234_567 * NANO + 5_000_000, "$1,234,567.005", "US$1,234,567.005"),
        (-3 * NANO, "−$3.00", "−US$3.00"),
    ],
)
def test_money_is_written_to_its_last_nano(count: int, english: str, chinese: str) -> None:
    """Nothing is rounded away, and there are always cents."""
    assert ENGLISH.amount(Amount(count, USD)) == english
    assert CHINESE.amount(Amount(count, USD)) == chinese


@given(st.integers(min_value=-(10**30), max_value=10**30))
def test_money_reads_back_as_it_was(count: int) -> None:
    """Whatever the amount, its digits say it exactly."""
    written = ENGLISH.amount(Amount(count, USD)).replace("$", "").replace(",", "").replace("−", "-")
    whole, decimals = written.split(".")

    assert len(decimals) >= 2
    assert int(whole + decimals.ljust(9, "0")) == count


def test_a_currency_without_a_sign_is_written_by_its_code() -> None:
    """There are more currencies than signs."""
    assert ENGLISH.amount(Amount(7 * NANO, money("CHF"))) == "CHF 7.00"
    assert CHINESE.amount(Amount(7 * NANO, money("CNY"))) == "¥7.00"


def test_what_is_no_money_is_written_with_its_unit() -> None:
    """Tokens are counted, not priced."""
    assert ENGLISH.amount(Amount(12_000, TOKEN)) == "12,000 token"
    assert ENGLISH.amount(Amount(1, Unit("seat"))) == "1 seat"


def test_each_language_counts_in_its_own_way() -> None:
    """English has a form for one; Chinese has none."""
    assert ENGLISH.text("usage_days", count=1) == "1 day"
    assert ENGLISH.text("usage_days", count=7000) == "7,000 days"
    assert CHINESE.text("usage_days", count=1) == "1 天"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            ARABIC,
            {0: "لا أيام", 1: "يوم واحد", 2: "يومان", 7: "7 أيام", 30: "30 يومًا", 1_103: "1,103 أيام"},
        ),
        (RUSSIAN, {1: "1 день", 2: "2 дня", 5: "5 дней", 11: "11 дней", 21: "21 день", 1_002: "1\u00a0002 дня"}),
        (FRENCH, {0: "0 jour", 1: "1 jour", 2: "2 jours", 1_000_000: "1\u202f000\u202f000 de jours"}),
        (SWAHILI, {1: "siku 1", 2: "siku 2"}),
    ],
    ids=lambda one: one.code if isinstance(one, Language) else "",
)
def test_days_are_counted_as_readers_count_them(language: Language, said: dict[int, str]) -> None:
    """Two, a few and many are said otherwise where the language says so."""
    assert {count: language.text("usage_days", count=count) for count in said} == said


def test_money_stands_where_readers_look_for_it() -> None:
    """Before the number or behind it, with the marks of the language, and never turned round by the text about it."""
    amount = Amount(-1_234 * NANO - NANO // 2, USD)

    assert FRENCH.amount(amount) == "−1\u202f234,50\u00a0$US"
    assert RUSSIAN.amount(amount) == "−1\u00a0234,50\u00a0$"
    assert SWAHILI.amount(amount) == "−US$\u00a01,234.50"
    assert ARABIC.amount(amount) == "\u2066−1,234.50\u00a0US$\u2069"


def test_what_is_put_into_arabic_keeps_its_direction() -> None:
    """A month and a name stay as they are written; an Arabic name reads as Arabic does."""
    assert ARABIC.text("customers_used", month="2026-11").endswith("\u20662026-11\u2069")
    assert "\u2068خدمة (1)\u2069" in ARABIC.text("keys_made", name="خدمة (1)")
    assert ENGLISH.text("keys_made", name="a").startswith("“a”")


def test_a_language_groups_and_points_as_it_likes() -> None:
    """A language with other marks writes them everywhere."""
    german = Language(code="de", name="Deutsch", strings={}, group=".", point=",", signs={"EUR": "€ "})

    assert german.number(1_234_567) == "1.234.567"
    assert german.amount(Amount(1_234 * NANO + 1, money("EUR"))) == "€ 1.234,000000001"


def test_moments_are_written_in_utc() -> None:
    """Without a script on the page the reader still knows which time is meant."""
    assert ENGLISH.moment(1_767_225_599_000) == "2025-12-31 23:59:59 UTC"
    assert CHINESE.day(1_767_225_599_000) == "2025年12月31日"


def test_a_string_that_is_not_there_is_a_bug() -> None:
    """A page that asks for it fails in its test, not in silence."""
    with pytest.raises(KeyError):
        ENGLISH.text("no_such_string")


def test_what_is_put_into_a_string_is_no_pattern() -> None:
    """A name with braces in it is a name."""
    assert ENGLISH.text("keys_made", name="{secret.__class__}") == "“{secret.__class__}” is ready"

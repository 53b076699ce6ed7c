"""An upstream bill is read within bounds and explained to the last digit."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec.structs import replace

from courtyard.billing.reconciliation import Reason, Reconciled
from courtyard.billing.reconciliation.model import Ours, Tally
from courtyard.billing.reconciliation.reading import BYTES_MAX, read_bill
from courtyard.billing.reconciliation.rules import reconcile
from courtyard.core.errors import InvalidRequest
from courtyard.core.usage import Usage

MONTH = "2026-11"
HOURS = 1_793_491_200 // 3600
"""When November 2026 begins, in hours since 1970."""

RATES = {"input": 2_500_000_000, "cached_input": 1_250_000_000, "cache_write": 3_000_000_000, "output": 10**10}
RATES |= {"reasoning": RATES["output"]}
MAPPED = {"day": ("day",), "model": ("model",), "input": ("in",), "cached_input": ("cached",), "output": ("out",)}
MAPPED |= {"requests": ("n",), "cost": ("cost",)}


def tally(*, requests: int = 1, estimated: int = 0, **counts: int) -> Tally:
    usage = Usage(**counts)
    nano = sum(getattr(usage, name) * rate for name, rate in RATES.items())
    return Tally(
        usage=usage,
        requests=requests,
        estimated=Usage(output=estimated),
        estimated_requests=int(bool(estimated)),
        nano=nano // 1_000_000,
    )


def everyday(rates: dict[str, int], *models: str) -> dict[tuple[str, str], dict[str, int]]:
    return {(f"{MONTH}-01", model): rates for model in models}


def ours(*found: tuple[int, Tally], model: str = "gpt") -> Ours:
    """Our receipts, by the hour of the month."""
    return Ours(hours={(HOURS + hour, model): one for hour, one in found}, rates=everyday(RATES, model, "other"))


def line(day: int, one: Tally, *, model: str = "gpt", cost: str | None = None, rates: dict[str, int] = RATES) -> str:
    usage = one.usage
    nano = sum(getattr(usage, name) * rate for name, rate in rates.items())
    cost = cost or f"{Decimal(nano).scaleb(-15):f}"
    return f"2026-11-{day:02},{model},{usage.input},{usage.cached_input},{usage.output},{one.requests},{cost}"


def compared(ours: Ours, *lines: str) -> Reconciled:
    text = "\n".join(("day,model,in,cached,out,n,cost", *lines))
    return reconcile(read_bill(text.encode(), month=MONTH, columns=MAPPED), ours, provider="upstream", month=MONTH)


def reasons(found: Reconciled) -> set[Reason]:
    return {finding.reason for cell in found.cells for finding in cell.findings}


USED = tally(requests=7, input=1_000_000, cached_input=40_000, output=20_000)


def test_a_bill_that_is_right_has_nothing_to_explain() -> None:
    """The same tokens at the expected rates: no difference, no finding."""
    found = compared(ours((5, USED)), line(1, USED))

    assert (found.difference, found.parts, found.theirs) == (Decimal(0), {}, Decimal("2.75"))


def test_what_one_side_has_alone_is_named() -> None:
    """A model that nobody here asked, and receipts that the bill lacks."""
    found = compared(ours((5, USED)), line(1, USED, model="other"))

    assert found.parts == {Reason.MISSING_HERE: Decimal("2.75"), Reason.MISSING_THERE: Decimal("-2.75")}
    assert found.difference == 0


def test_another_rate_is_named_with_its_dimension() -> None:
    """Several days agree on the one rate that explains them all."""
    used = [tally(requests=2, input=n * 100_000, cached_input=n * n * 1_000, output=7_000 * n) for n in (1, 2, 3)]
    dearer = {**RATES, "cached_input": 2_500_000_000}
    lines = [line(day, one, rates=dearer) for day, one in enumerate(used, start=1)]
    found = compared(ours(*((24 * day, one) for day, one in enumerate(used))), *lines)

    findings = [finding for cell in found.cells for finding in cell.findings]
    assert {(finding.reason, finding.dimension) for finding in findings} == {(Reason.PRICE, "cached_input")}
    assert "cached input is billed at 2.5 for a million, and the price book expects 1.25" in findings[0].text
    assert found.parts == {Reason.PRICE: Decimal("0.0175")}


def test_a_rate_that_changed_within_the_month_is_named() -> None:
    """Theirs from a day on, which ours does not know; and ours with theirs, which is no difference."""
    used = [tally(requests=2, input=100_003 * n, output=7_001 * n * n) for n in (1, 2, 3, 4)]
    after = {**RATES, "output": 12 * 10**9}
    lines = [line(n, one, rates=RATES if n < 3 else after) for n, one in enumerate(used, start=1)]
    books = ours(*((24 * day, one) for day, one in enumerate(used)))
    found = compared(books, *lines)
    agreed = {**books.rates, (f"{MONTH}-03", "gpt"): after}
    hours = {
        key: replace(one, nano=one.nano + one.usage.output * 2_000) if key[0] >= HOURS + 48 else one
        for key, one in books.hours.items()
    }
    same = compared(Ours(hours=hours, rates=agreed), *lines)

    assert [cell.day[-2:] for cell in found.cells if cell.findings] == ["03", "04"]
    assert {finding.dimension for cell in found.cells for finding in cell.findings} == {"output"}
    assert reasons(same) <= {Reason.ROUNDING}
    assert abs(same.difference) < Decimal("0.0000001")


def test_a_single_day_names_the_rate_that_is_a_short_number() -> None:
    """Where one day fits every dimension, the rate that people would set is the one."""
    used = tally(input=777_777, cached_input=33_333, output=12_347)
    found = compared(ours((3, used)), line(1, used, rates={**RATES, "output": 12_000_000_000}))

    [finding] = found.cells[0].findings
    assert (finding.reason, finding.dimension) == (Reason.PRICE, "output")
    assert "billed at 12 for a million" in finding.text


def test_cached_tokens_that_were_counted_as_others_are_seen() -> None:
    """The prompt is as long; what came from the cache is not the same."""
    theirs = tally(requests=7, input=1_040_000, output=20_000)
    found = compared(ours((5, USED)), line(1, theirs))

    assert reasons(found) == {Reason.CACHED}
    assert found.parts[Reason.CACHED] == Decimal("0.05")


def test_hang_ups_that_were_counted_here_are_seen() -> None:
    """The engine generated on after the client had left, and bills it."""
    here = tally(requests=7, input=1_000_000, output=20_000, estimated=300)
    there = tally(requests=7, input=1_000_000, output=20_450)
    found = compared(ours((5, here)), line(1, there))

    [finding] = found.cells[0].findings
    assert (finding.reason, finding.quantity, finding.amount) == (Reason.ESTIMATED, 450, Decimal("0.0045"))


def test_requests_that_differ_are_counted() -> None:
    """Retries that we never saw come with requests of their own."""
    there = tally(requests=8, input=1_100_000, cached_input=40_000, output=20_000)
    found = compared(ours((5, USED)), line(1, there))

    [finding] = found.cells[0].findings
    assert finding.reason is Reason.REQUESTS
    assert "8 requests, and there are 7 receipts" in finding.text


@pytest.mark.parametrize("shift", [-8, 8, 1, 14, -12])
def test_days_that_begin_elsewhere_are_found(shift: int) -> None:
    """A bill by Pacific or Shanghai days matches our receipts by the hour, but for the month's two ends."""
    dice = random.Random(shift)
    hours = {
        hour: tally(input=dice.randrange(1, 9_999), output=dice.randrange(99)) for hour in range(-24, 24 * 30 + 24, 5)
    }
    days: dict[int, Tally] = {}
    for hour, one in hours.items():
        day = (hour + shift) // 24 + 1
        if 1 <= day <= 30:
            days[day] = days[day] + one if day in days else one
    found = compared(ours(*hours.items()), *(line(day, one) for day, one in days.items()))

    assert found.shift_hours == shift
    assert found.days is not None
    assert f"begin at {-shift % 24:02}:00 UTC" in found.days.text
    assert reasons(found) <= {Reason.ROUNDING}
    assert abs(found.difference - found.days.amount) < Decimal("0.000001")


def test_rounding_is_no_price() -> None:
    """A bill in cents is off by less than a cent a line, and that is all there is to it."""
    found = compared(
        ours((5, tally(input=123_457, requests=7))), line(1, tally(input=123_457, requests=7), cost="0.31")
    )

    assert reasons(found) == {Reason.ROUNDING}
    assert found.difference == Decimal("0.31") - Decimal("0.308642500")


def test_a_model_without_a_cost_says_what_to_set() -> None:
    """The difference is all of the bill, and the finding names the command."""
    books = Ours(hours={(HOURS, "gpt"): Tally(usage=USED.usage, requests=7, nano=None)}, rates={})
    found = compared(books, line(1, USED))

    assert found.parts == {Reason.NO_COST: Decimal("2.75")}
    assert "courtyard prices set" in found.cells[0].findings[0].text


@pytest.mark.parametrize("seed", range(40))
def test_the_parts_sum_to_the_difference(seed: int) -> None:
    """Whatever the two sides say, no digit is left over: not in a cell, and not in the whole."""
    dice = random.Random(seed)

    def some() -> Tally:
        return tally(
            requests=dice.randrange(1, 9),
            input=dice.randrange(10**6),
            cached_input=dice.choice([0, dice.randrange(10**5)]),
            output=dice.randrange(10**5),
            reasoning=dice.choice([0, 77]),
            estimated=dice.choice([0, 5]),
        )

    hours = {hour: some() for hour in dice.sample(range(-24, 24 * 31), 60)}
    lines = []
    for day in dice.sample(range(1, 31), 20):
        cost = dice.choice([None, f"{dice.randrange(10**6)}e-{dice.randrange(3, 19)}", "12.3456789012345678901234567"])
        lines.append(line(day, some(), model=dice.choice(["gpt", "other"]), cost=cost))
    found = compared(ours(*hours.items()), *lines)

    assert sum(map(Fraction, found.parts.values())) == Fraction(found.difference)
    assert Fraction(found.difference) == Fraction(found.theirs) - Fraction(found.ours)
    for cell in found.cells:
        parts = sum(Fraction(finding.amount) for finding in cell.findings)
        assert parts == Fraction(cell.theirs) - Fraction(cell.ours)


OPENAI = """\
start_time,end_time,start_time_iso,num_model_requests,model,input_tokens,output_tokens,input_cached_tokens
1793491200,1793577600,2026-11-01T00:00:00+00:00,7,gpt,1040000,20000,40000
1796083200,1796169600,2026-12-01T00:00:00+00:00,1,gpt,1,1,0
"""
ANTHROPIC = """\
usage_date_utc,model_version,workspace,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,\
usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens
2026-11-01,gpt,Default,1000000,3,4,40000,20000
"""
AZURE = """\
"Date";"MeterCategory";"MeterSubCategory";"MeterName";"UnitOfMeasure";"Quantity";"CostInBillingCurrency";"BillingCurrencyCode"
"11/01/2026";"Foundry";"gpt";"gpt Inp glbl Tokens";"1K";"1000,000";"2,5";"EUR"
"11/01/2026";"Foundry";"gpt";"gpt cached Inp glbl Tokens";"1K";"40";"0,05";"EUR"
"11/01/2026";"Foundry";"gpt";"gpt Outp glbl Tokens";"1M";"0,02";"0,30";"EUR"
"""


def test_known_exports_are_read_as_they_are() -> None:
    """OpenAI's counts overlap and are made disjoint; Anthropic's caches are two columns; Azure has a line a meter."""
    openai = read_bill(OPENAI.encode(), month=MONTH)
    anthropic = read_bill(ANTHROPIC.encode("utf-16"), month=MONTH)
    azure = read_bill(AZURE.encode("utf-8-sig"), month=MONTH)

    assert (openai.format, anthropic.format, azure.format) == ("openai", "anthropic", "azure")
    assert openai.lines[0].usage == Usage(input=1_000_000, cached_input=40_000, output=20_000)
    assert (openai.lines[0].requests, openai.outside, openai.has_cost) == (7, 1, False)
    assert anthropic.lines[0].usage == Usage(input=1_000_000, cached_input=40_000, cache_write=7, output=20_000)
    assert azure.lines[0].usage == openai.lines[0].usage
    assert (azure.currency, azure.lines[0].costs["output"]) == ("EUR", Decimal("0.30"))
    found = reconcile(azure, ours((5, USED)), provider="azure", month=MONTH)
    assert [(one.dimension, one.amount) for one in found.cells[0].findings] == [("output", Decimal("0.10"))]


def test_a_bill_without_reasoning_counts_it_as_output() -> None:
    """What a bill does not tell apart is not taken for a difference."""
    used = tally(requests=7, input=1_000_000, cached_input=40_000, output=15_000, reasoning=5_000)

    assert compared(ours((5, used)), line(1, USED)).parts == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "which columns"),
        ("a,b\n1,2\n", "which columns"),
        ("start_time,model\n1793491200,gpt\n", "counts nothing"),
        ("start_time,model,input_tokens\nyesterday,gpt,1\n", "line 2 .* no day"),
        ("start_time,model,input_tokens\n1793491200,gpt,many\n", "line 2 .* 'many' is no number"),
        ("start_time,model,input_tokens\n1793491200,gpt,1.5\n", "line 2 .* no count"),
        ("start_time,model,input_tokens\n1793491200,gpt,-1\n", "line 2 .* no count"),
        ("start_time,model,input_tokens\n1793491200,gpt,1e99\n", "line 2"),
        ("start_time,model,input_tokens\n1793491200,gpt,NaN\n", "line 2 .* no number"),
        ("start_time,model,input_tokens\n1793491200,gpt\n", "line 2 .* 2 columns"),
        ("start_time,model,input_tokens\n1793491200,,1\n", "line 2 .* no model"),
        ("start_time,model,input_tokens,input_cached_tokens\n1793491200,gpt,1,2\n", "larger than its whole"),
        ('start_time,model,input_tokens\n1793491200,"gpt,1\n', "no CSV"),
        ("usage_date_utc,model,cost_usd\n2026-11-01,gpt,1,000\n", ""),
        ("day\0,model\n", "no text"),
        ("start_time,model,model,input_tokens\n1793491200,a,b,1\n", "2 columns 'model'"),
        (
            "Date,MeterSubCategory,CostInBillingCurrency,BillingCurrency\n2026-11-01,g,1,EUR\n2026-11-02,g,1,USD\n",
            "EUR, USD",
        ),
    ],
)
def test_a_bill_that_can_not_be_read_says_where(text: str, says: str) -> None:
    """Somebody else's file is refused at the line that is wrong, and nothing in it is guessed."""
    if not says:
        assert read_bill(text.encode(), month=MONTH).lines[0].costs == {
            "": Decimal(1)
        }  # The fourth column is nobody's.
        return
    with pytest.raises(InvalidRequest, match=says):
        read_bill(text.encode(), month=MONTH)


def test_a_bill_is_bounded() -> None:
    """In bytes, in columns, and in what one cell may hold."""
    with pytest.raises(InvalidRequest, match="larger than 64 MiB"):
        read_bill(b"x" * (BYTES_MAX + 1), month=MONTH)
    with pytest.raises(InvalidRequest, match="500 columns"):
        read_bill(b"a," * 600, month=MONTH)
    with pytest.raises(InvalidRequest, match="no CSV"):
        read_bill(b"start_time,model,input_tokens\n1793491200," + b"x" * 200_000 + b",1\n", month=MONTH)
    with pytest.raises(InvalidRequest, match="not utf-8"):
        read_bill("start_time,modèle\n".encode("latin-1"), month=MONTH)


def test_columns_can_be_named() -> None:
    """A provider that nobody knows is read by what the operator says; a column that is not there is named."""
    bill = read_bill(b"Day,SKU,Tokens,Paid\n2026-11-01,gpt,10,0.000025\n", month=MONTH, columns={
        "day": ("Day",), "model": ("SKU",), "input": ("Tokens",), "cost": ("Paid",),
    })  # fmt: skip

    assert (bill.format, bill.lines[0].usage.input, bill.places) == ("mapped", 10, 6)
    with pytest.raises(InvalidRequest, match="no column 'Sku'; it has Day, SKU"):
        read_bill(b"Day,SKU,Tokens\n", month=MONTH, columns={"model": ("Sku",)})
    with pytest.raises(InvalidRequest, match="'price' is no field"):
        read_bill(b"Day,SKU,Tokens\n", month=MONTH, columns={"price": ("SKU",)})

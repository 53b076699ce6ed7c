"""Which rate a bill has that our price book has not: found from its amounts."""

from collections.abc import Mapping
from decimal import Context, Decimal

from courtyard.billing.reconciliation.model import LUMPED, BillLine, Finding, Rates, Reason
from courtyard.billing.reconciliation.reading import EXACT
from courtyard.core.usage import DIMENSIONS

_OF_MILLION = Decimal("1e-15")
_NANO_RATE = Decimal("1e9")
_DIVIDED = Context(prec=30)
_DIGITS_SHOWN = 6

_Key = tuple[str, str]


def dearer(
    lines: Mapping[_Key, BillLine], rates: Mapping[_Key, Rates], *, places: int
) -> dict[_Key, dict[str, Finding]]:
    """For each line, say by dimension what another rate than ours explains of its cost."""
    found: dict[_Key, dict[str, Finding]] = {}
    alike: dict[tuple[str, str], dict[_Key, BillLine]] = {}
    for key, line in lines.items():
        expected = rates.get(key)
        if expected is None:
            continue
        if LUMPED in line.costs:  # Days for which we expect the same are explained together.
            alike.setdefault((key[1], repr(sorted(expected.items()))), {})[key] = line
        else:
            found[key] = _by_dimension(line, expected, places)
    for group in alike.values():
        found |= _by_one_rate(group, rates[next(iter(group))], places)
    return found


def _by_dimension(line: BillLine, expected: Rates, places: int) -> dict[str, Finding]:
    """Compare each dimension's own cost, where the bill has one."""
    findings = {}
    for dimension, cost in line.costs.items():
        count = getattr(line.usage, dimension)
        excess = EXACT.subtract(cost, _at(count, expected.get(dimension, 0)))
        if count and abs(excess) > _rounding(line, places):
            findings[dimension] = _finding(dimension, excess, count, expected)
    return findings


def _by_one_rate(lines: Mapping[_Key, BillLine], expected: Rates, places: int) -> dict[_Key, dict[str, Finding]]:
    """Find the one dimension whose rate, if it were another, would explain every line of a model."""
    excess = {key: EXACT.subtract(line.costs[LUMPED], _expected(line, expected)) for key, line in lines.items()}
    odd = [key for key in lines if abs(excess[key]) > _rounding(lines[key], places)]
    if not odd:
        return {}
    later = {key: lines[key] for key in odd}  # Their rate may have changed within the month.
    fitting = [name for name in DIMENSIONS if _fits(name, lines, excess, odd, places)]
    fitting = fitting or [name for name in DIMENSIONS if _fits(name, later, excess, odd, places)]
    if len(fitting) > 1:  # One line fits many: a rate is mostly a short number.
        short = [name for name in fitting if _is_short(name, lines, excess, odd, expected)]
        fitting = short if len(short) == 1 else []
    if len(fitting) != 1:
        return {}
    [name] = fitting
    return {key: {name: _finding(name, excess[key], getattr(lines[key].usage, name), expected)} for key in odd}


def _fits(
    name: str, lines: Mapping[_Key, BillLine], excess: Mapping[_Key, Decimal], odd: list[_Key], places: int
) -> bool:
    """Whether every line's excess is the same for each of a dimension's count, but for rounding."""
    counts = {key: getattr(line.usage, name) for key, line in lines.items()}
    if any(not counts[key] for key in odd):
        return False
    largest = max(odd, key=lambda key: counts[key])
    for key, line in lines.items():
        # excess / count = excess of the largest / its count, multiplied out.
        here = EXACT.multiply(excess[key], Decimal(counts[largest]))
        there = EXACT.multiply(excess[largest], Decimal(counts[key]))
        slack = EXACT.multiply(_rounding(line, places), Decimal(counts[largest]))
        slack = EXACT.add(slack, EXACT.multiply(_rounding(lines[largest], places), Decimal(counts[key])))
        if abs(EXACT.subtract(here, there)) > slack:
            return False
    return True


def _is_short(
    name: str, lines: Mapping[_Key, BillLine], excess: Mapping[_Key, Decimal], odd: list[_Key], expected: Rates
) -> bool:
    key = max(odd, key=lambda key: getattr(lines[key].usage, name))
    rate = _rate(excess[key], getattr(lines[key].usage, name), expected.get(name, 0))
    return rate > 0 and rate == rate.quantize(Decimal("0.0001"))


def _finding(dimension: str, excess: Decimal, count: int, expected: Rates) -> Finding:
    ours = EXACT.multiply(Decimal(expected.get(dimension, 0)), Decimal("1e-9"))
    theirs = _rate(excess, count, expected.get(dimension, 0))
    text = (
        f"{dimension.replace('_', ' ')} is billed at {_shown(theirs)} for a million, and the price book expects "
        f"{_shown(ours)}"
    )
    return Finding(reason=Reason.PRICE, amount=excess, dimension=dimension, text=text)


def _rate(excess: Decimal, count: int, ours: int) -> Decimal:
    """The rate for a million that would explain an excess."""
    more = _DIVIDED.divide(EXACT.multiply(excess, Decimal("1e6")), Decimal(count))
    return _DIVIDED.add(EXACT.multiply(Decimal(ours), Decimal("1e-9")), more)


def _shown(rate: Decimal) -> str:
    rounded = rate.quantize(Decimal(1).scaleb(-_DIGITS_SHOWN)).normalize()
    return f"{rounded:f}"


def _expected(line: BillLine, rates: Rates) -> Decimal:
    return _at(1, sum(getattr(line.usage, name) * rates.get(name, 0) for name in DIMENSIONS))


def _at(count: int, rate: int) -> Decimal:
    return EXACT.multiply(Decimal(count * rate), _OF_MILLION)


def _rounding(line: BillLine, places: int) -> Decimal:
    """What a line's cost may be off by: a unit in the last place for each of the file's lines."""
    return EXACT.multiply(Decimal(line.lines), Decimal(1).scaleb(-places))

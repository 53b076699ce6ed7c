"""What may become of a provider: by no sequence of steps does one serve that has not shown what it must."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from courtyard.catalogue import Cap, Caps, Endpoint, EvidenceKind, Item, Masking, Period, Provider, Scope, State, Tier
from courtyard.catalogue.providers import rules
from courtyard.core.errors import Conflict, CourtyardError, InvalidRequest
from tests.catalogue.providing import DAY_MS, ENOUGH, SCOPE, facts

START_MS = 1_767_225_600_000
STEPS = ("show", "advance", "trial", "admit", "suspend", "expel", "propose", "kill", "restore", "wait")


def item(kind: EvidenceKind, *, now_ms: int, days: int) -> Item:
    return Item(
        kind=kind,
        statement="s",
        digest="0" * 64,
        dated_ms=now_ms - DAY_MS,
        expires_ms=now_ms + days * DAY_MS,
        by="a",
        at_ms=now_ms,
    )


def step(provider: Provider, name: str, number: int, now_ms: int) -> Provider:
    """Do one thing with a provider, as far as the rules let it be done."""
    until_ms = now_ms + (1 + number % 40) * DAY_MS
    match name:
        case "show":
            return rules.show(
                provider,
                item(list(EvidenceKind)[number % len(EvidenceKind)], now_ms=now_ms, days=1 + number),
                now_ms=now_ms,
            )
        case "advance":
            for kind in EvidenceKind if number % 2 else ():
                provider = rules.show(provider, item(kind, now_ms=now_ms, days=number), now_ms=now_ms)
            return rules.advance(provider, now_ms=now_ms)
        case "trial":
            return rules.begin_trial(provider, SCOPE, until_ms=until_ms, now_ms=now_ms)
        case "admit":
            return rules.admit(provider, SCOPE, until_ms=until_ms, now_ms=now_ms)
        case "suspend":
            return rules.suspend(provider)
        case "expel":
            return rules.expel(provider)
        case "propose":
            return replace(rules.propose("acme", facts(), provider, now_ms=now_ms), caps=ENOUGH)
        case _:
            return replace(provider, killed=name == "kill")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 60)), max_size=25), st.booleans())
def test_nobody_serves_who_has_not_shown_everything(steps: list[tuple[str, int]], foreign_on: bool) -> None:
    """Whatever people do in whatever order: who serves is on trial or admitted, complete, in time and not killed."""
    now_ms, expelled = START_MS, False
    provider = replace(rules.propose("acme", facts(), None, now_ms=now_ms), caps=ENOUGH)
    for name, number in steps:
        if name == "wait":
            now_ms += number * DAY_MS
            continue
        try:
            changed = step(provider, name, number, now_ms)
        except CourtyardError:
            continue
        assert not expelled or name in ("kill", "restore")
        assert changed.state is not State.ADMITTED or provider.state in (State.TRIAL, State.ADMITTED)
        assert changed.state is not State.TRIAL or provider.state in (State.COMPLETE, State.TRIAL)
        provider, expelled = changed, changed.state is State.EXPELLED
        card = rules.card(provider, foreign_on=foreign_on, now_ms=now_ms)

        if card.serves:
            assert foreign_on
            assert not provider.killed
            assert provider.state in (State.TRIAL, State.ADMITTED)
            assert provider.until_ms is not None
            assert provider.until_ms > now_ms
            good = {one.kind for one in provider.evidence if one.expires_ms > now_ms}
            assert good >= {kind for kind in EvidenceKind if kind.is_needed}
            assert card.agreements == good
            assert card.purposes == ({"evaluation"} if provider.state is State.TRIAL else SCOPE.purposes)
            assert card.mask is Masking.REVERSIBLE
            assert card.good_until_ms is not None
            later = rules.card(provider, foreign_on=foreign_on, now_ms=card.good_until_ms)
            assert later.serves == (later.state is not State.SUSPENDED)
            assert later.agreements < good or not later.serves
        else:
            assert card.why


caps = st.builds(
    Caps,
    requests=st.none() | st.builds(Cap, count=st.integers(0, 9), period=st.sampled_from(Period)),
    tokens=st.none() | st.builds(Cap, count=st.integers(0, 9), period=st.sampled_from(Period)),
    persons=st.none() | st.integers(0, 5),
)


@given(caps, caps)
def test_what_is_no_raise_lets_no_more_through(old: Caps, new: Caps) -> None:
    """In a minute, in a day and in a month."""
    if rules.raises(old, new):
        return
    for before, after in ((old.requests, new.requests), (old.tokens, new.tokens)):
        if before is None:
            continue
        assert after is not None
        assert after.count <= before.count
        minutes = {Period.MINUTE: 1, Period.DAY: 1440, Period.MONTH: 28 * 1440}
        for length in (1, 1440, 28 * 1440, 365 * 1440):
            windows = [max(length // minutes[cap.period], 1) for cap in (before, after)]
            assert after.count * windows[1] <= before.count * windows[0]
    assert old.persons is None or (new.persons is not None and new.persons <= old.persons)


def test_other_facts_make_another_provider() -> None:
    """It has to show everything anew, and two people have to give it caps again; a kill stays."""
    was = replace(rules.propose("acme", facts(), None, now_ms=0), caps=ENOUGH, killed=True, state=State.ADMITTED)

    now = rules.propose("acme", facts(tier=Tier.HOME), was, now_ms=1)
    assert (now.state, now.evidence, now.caps, now.killed) == (State.PROPOSED, (), rules.NOTHING, True)
    assert not rules.card(now, foreign_on=True, now_ms=1).serves


@pytest.mark.parametrize(
    "wrong",
    [
        {"jurisdiction": "Germany"},
        {"entity": " "},
        {"regions": frozenset()},
        {"endpoints": ()},
        {"endpoints": (Endpoint(url="http://api.acme.example", pins=("a" * 64,)),)},
        {"endpoints": (Endpoint(url="https://api.acme.example", pins=()),)},
        {"endpoints": (Endpoint(url="https://api.acme.example", pins=("xyz",)),)},
    ],
)
def test_facts_that_can_be_true_of_nobody_are_refused(wrong: dict[str, object]) -> None:
    """Before they are written down."""
    with pytest.raises(InvalidRequest):
        rules.propose("acme", facts(**wrong), None, now_ms=0)


def test_home_is_nobody_elses_name() -> None:
    """Nor is anything that would not fit an address."""
    for id in ("home", "Acme", "a b", ""):
        with pytest.raises(InvalidRequest, match="can't name a provider"):
            rules.propose(id, facts(), None, now_ms=0)


def test_evidence_is_of_today() -> None:
    """What has expired, or is dated tomorrow, shows nothing."""
    provider = rules.propose("acme", facts(), None, now_ms=START_MS)
    stale = replace(item(EvidenceKind.CONTRACT, now_ms=START_MS, days=1), expires_ms=START_MS)
    early = replace(item(EvidenceKind.CONTRACT, now_ms=START_MS, days=1), dated_ms=START_MS + 1)

    for wrong in (stale, early):
        with pytest.raises(InvalidRequest, match="expires later"):
            rules.show(provider, wrong, now_ms=START_MS)
    with pytest.raises(Conflict, match="has still to show: entity, owner"):
        rules.advance(provider, now_ms=START_MS)


def test_an_address_lies_at_an_endpoint_or_does_not() -> None:
    """A longer host is another host, and a longer path word another path; capitals and default ports are no other."""
    [endpoint] = facts().endpoints

    assert rules.endpoint_of("https://api.acme.example/v1/", [endpoint]) is endpoint
    assert rules.endpoint_of("https://api.acme.example/v1/eu", [endpoint]) is endpoint
    for same in (
        "https://API.acme.Example:443/v1",
        "https://api.acme.example./v1//eu",
        "https://api.acme.example/x/../v1",
    ):
        assert rules.endpoint_of(same, [endpoint]) is endpoint
    for other in (
        "https://api.acme.example/v10",
        "https://api.acme.example.evil/v1",
        "http://api.acme.example/v1",
        "https://api.acme.example:8443/v1",
        "https://api.acme.example/v1/../other",
        "https://api.acme.example/v1/%2e%2e/other",
    ):
        assert rules.endpoint_of(other, [endpoint]) is None
    for wrong in ("https://api.acme.example@evil.example/v1", "https://api.acme.example:x/v1", "https:///v1"):
        with pytest.raises(InvalidRequest, match="at a host and a path"):
            rules.propose("acme", facts(endpoints=(replace(endpoint, url=wrong),)), None, now_ms=0)


def test_masked_more_is_masked_enough() -> None:
    """And a word that nobody knows is no masking."""
    assert rules.is_masked_enough("irreversible", Masking.REVERSIBLE)
    assert rules.is_masked_enough("", Masking.NONE)
    for stated, least in (("", Masking.REVERSIBLE), ("reversible", Masking.IRREVERSIBLE), ("yes", Masking.NONE)):
        assert not rules.is_masked_enough(stated, least)


def test_a_scope_names_what_it_is_for() -> None:
    """Nobody is admitted for everything."""
    with pytest.raises(InvalidRequest, match="at least one purpose"):
        rules.admit(rules.propose("acme", facts(), None, now_ms=0), Scope(purposes=frozenset()), until_ms=1, now_ms=0)

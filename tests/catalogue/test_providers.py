"""Providers in the books: what two people decide, what time decides, and how persons are counted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from courtyard.approvals import Approval, TwoPeople
from courtyard.catalogue import Cap, Caps, Card, PersonsCapReached, Scope, State, Tier, UnknownProvider
from courtyard.catalogue.providers import rules
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import HOME, OrganisationId, ProviderId, Region
from courtyard.storage import Database
from tests.catalogue.providing import ANA, BEN, DAY_MS, ENOUGH, Provided, facts

ACME = ProviderId("acme")


ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What is no different elsewhere."""


@pytest.fixture
def provided(database: Database, clock: FrozenClock, tmp_path: Path) -> Provided:
    return Provided(database, clock, tmp_path)


@ON_SQLITE
def test_a_foreign_provider_serves_when_everything_says_so(provided: Provided) -> None:
    """Evidence, trial, admission, caps that two people gave, and the switch of the house: not one of them may lack."""
    provided.admitted()
    assert provided.providers.card(ACME).why == "the kill switch of all that is foreign is thrown"
    provided.open_foreign()

    card = provided.another().card(ACME)
    assert card.serves
    assert (card.tier, card.state, card.mask, card.purposes) == (
        Tier.FOREIGN,
        State.ADMITTED,
        "reversible",
        {"research"},
    )
    assert card.agreements >= {"contract", "training", "filing"}
    assert provided.providers.card(HOME).serves
    assert provided.providers.card(HOME).purposes is None
    with pytest.raises(UnknownProvider, match="providers list"):
        provided.providers.card(ProviderId("nobody"))


def test_caps_are_raised_by_two_and_lowered_by_one(provided: Provided) -> None:
    """The ledger is told of both; what was approved is exactly what is done, and done once."""
    provided.admitted()
    more = replace(ENOUGH, requests=Cap(count=2000))
    asked = provided.providers.set_caps("acme", more, by=ANA, reason="more students")
    assert isinstance(asked, Approval)
    assert asked == provided.providers.set_caps("acme", more, by=ANA, reason="more students")
    with pytest.raises(TwoPeople):
        provided.approvals.approve(asked.id, by=ANA)
    provided.approvals.approve(asked.id, by=BEN)
    other = provided.providers.set_caps("acme", replace(more, persons=9), by=ANA, reason="and more")
    assert isinstance(other, Approval)
    assert provided.providers.provider("acme").caps == ENOUGH

    provided.providers.set_caps("acme", more, by=ANA, reason="more students")
    assert provided.providers.provider("acme").caps == more
    assert provided.limits["provider:acme", "request", "day"] == 2000
    lower = Caps(requests=Cap(count=5), tokens=Cap(count=10), persons=1)
    provided.providers.set_caps("acme", lower, by=ANA, reason="too many")
    assert provided.providers.provider("acme").caps == lower
    assert provided.limits["provider:acme", "token", "day"] == 10
    assert provided.limits["provider:acme", "token", "month"] is None
    assert isinstance(provided.providers.set_caps("acme", more, by=ANA, reason="back"), Approval)


@ON_SQLITE
def test_one_person_kills_and_two_restore(provided: Provided) -> None:
    """One provider, or all that are foreign."""
    provided.admitted()
    provided.open_foreign()
    for which in ("acme", None):
        provided.providers.kill(which, by=BEN, reason="a leak")
        assert "kill switch" in provided.another().card(ACME).why
        asked = provided.providers.restore(which, by=BEN, reason="mended")
        assert asked is not None
        assert not provided.providers.card(ACME).serves
        provided.approvals.approve(asked.id, by=ANA)
        provided.providers.restore(which, by=BEN, reason="mended")
        assert provided.providers.card(ACME).serves
    with pytest.raises(UnknownProvider):
        provided.providers.kill("nobody", by=BEN, reason="a leak")


@ON_SQLITE
def test_a_cap_that_two_lower_at_once_stays_the_lower_one(provided: Provided) -> None:
    """Who has not heard of the lower one is told so, and the ledger keeps to it."""
    provided.admitted()
    other = provided.another()
    provided.providers.set_caps("acme", replace(ENOUGH, requests=Cap(count=10)), by=ANA, reason="a leak")

    with pytest.raises(Conflict, match="look again"):
        other.set_caps("acme", replace(ENOUGH, requests=Cap(count=50)), by=BEN, reason="a budget")
    assert provided.limits["provider:acme", "request", "day"] == 10


@ON_SQLITE
def test_a_consent_to_restore_is_to_what_was_known(provided: Provided, clock: FrozenClock) -> None:
    """Who kills once more, for another reason, has that consent gone."""
    provided.admitted()
    provided.open_foreign()
    provided.providers.kill("acme", by=BEN, reason="a leak")
    asked = provided.providers.restore("acme", by=ANA, reason="mended")
    assert asked is not None
    provided.approvals.approve(asked.id, by=BEN)
    clock.advance(1)
    provided.providers.kill("acme", by=BEN, reason="another leak")

    again = provided.providers.restore("acme", by=ANA, reason="mended")
    assert again is not None
    assert again.id != asked.id
    assert not provided.providers.card(ACME).serves


@ON_SQLITE
def test_a_kill_holds_whatever_is_under_way(provided: Provided, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that was being written when the switch was thrown is of no use after that, nor is a count of persons."""
    provided.admitted()
    provided.open_foreign()
    card, replaced = rules.card, structs.replace

    def late_card(*args: Any, **said: Any) -> Card:
        written = card(*args, **said)
        monkeypatch.undo()
        provided.providers.kill("acme", by=BEN, reason="a leak")
        return written

    def late_replace(one: Any, **said: Any) -> Any:
        if "persons" in said:
            monkeypatch.undo()
            killing.start()
            killing.join(0.2)  # It may have to wait until the count is done.
        return replaced(one, **said)

    monkeypatch.setattr(rules, "card", late_card)
    provided.providers.reload()
    provided.providers.card(ACME)
    assert not provided.providers.card(ACME).serves
    provided.restore("acme")
    assert provided.providers.card(ACME).serves
    killing = Thread(target=lambda: provided.providers.kill("acme", by=BEN, reason="a leak"))
    monkeypatch.setattr(structs, "replace", late_replace)
    provided.providers.count(ACME, "person-1")
    killing.join()
    assert not provided.providers.card(ACME).serves


def test_expired_evidence_suspends_by_itself(provided: Provided, clock: FrozenClock) -> None:
    """From memory, at that moment; then it is written down, once, and who comes back is tried again."""
    provided.admitted()
    provided.open_foreign()
    others = provided.another()
    clock.advance(200 * 24 * 3600)

    card = others.card(ACME)
    assert (card.state, card.serves, card.why) == (State.SUSPENDED, False, "its time is over")
    clock.advance(165 * 24 * 3600)
    assert "its evidence has expired: contract, endpoints" in provided.providers.card(ACME).why
    assert others.is_due()
    others.carry_out()
    provided.providers.carry_out()
    assert not others.is_due()
    [first, second, *_] = provided.providers.changes("acme")
    assert (first.by, first.action) == ("courtyard", "suspend")
    assert second.action == "admit"
    with pytest.raises(Conflict, match="has still to show"):
        provided.providers.advance("acme", by=ANA, reason="again")
    provided.show_all("acme")
    assert provided.providers.advance("acme", by=ANA, reason="again").state is State.COMPLETE
    assert not provided.providers.card(ACME).serves


@ON_SQLITE
def test_every_change_says_who_and_why(provided: Provided) -> None:
    """And is refused where it does not."""
    provided.admitted()
    with pytest.raises(InvalidRequest, match="say who"):
        provided.providers.suspend("acme", by=" ", reason="because")
    with pytest.raises(InvalidRequest, match="say why"):
        provided.providers.expel("acme", by=ANA, reason="")
    provided.providers.expel("acme", by=BEN, reason="it trained on our texts")

    noted = provided.providers.changes("acme")
    assert (noted[0].by, noted[0].action, noted[0].reason) == (BEN, "expel", "it trained on our texts")
    assert [one.action for one in reversed(noted)][:2] == ["propose", "evidence"]
    with pytest.raises(Conflict, match="was expelled"):
        provided.providers.propose("acme", facts(), by=ANA, reason="once more")


@ON_SQLITE
def test_persons_are_counted_once_a_year_and_entity(provided: Provided, clock: FrozenClock) -> None:
    """Two providers of one legal entity share the count and the lower cap; a new year begins anew."""
    provided.admitted()
    provided.admitted(
        "acme-eu", said=facts(name="Acme Europe", entity=" de hrb  12345"), caps=replace(ENOUGH, persons=2)
    )
    europe, providers = ProviderId("acme-eu"), provided.providers
    providers.count(ACME, "person-1")
    providers.count(europe, "person-1")
    providers.count(europe, "person-2")
    assert providers.knows(ACME, "person-2")
    assert not provided.another().knows(ACME, "person-2")

    with pytest.raises(PersonsCapReached, match="2 persons in 2026"):
        providers.count(ACME, "person-3")
    assert not providers.knows(ACME, "person-3")
    assert (providers.persons(ACME), providers.persons_left(ACME)) == (2, 0)
    providers.count(ACME, "person-2")
    providers.count(HOME, "anybody")
    assert providers.persons_left(HOME) is None
    clock.advance(365 * 24 * 3600)
    assert providers.persons(ACME) == 0
    assert not providers.knows(ACME, "person-1")
    providers.count(ACME, "person-9")


def test_persons_are_counted_exactly_by_many_nodes(provided: Provided) -> None:
    """Eight nodes, thirty-two persons, each asked for by four of them: the cap lets ten through, never one more."""
    provided.admitted(caps=replace(ENOUGH, persons=10))
    nodes = [provided.another() for _ in range(8)]

    def ask(number: int) -> bool:
        try:
            nodes[number % 8].count(ACME, f"person-{number // 4}")
        except PersonsCapReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        let = list(pool.map(ask, range(128)))
    counted = {number // 4 for number, passed in enumerate(let) if passed}
    assert len(counted) == 10
    assert all(let[number] == (number // 4 in counted) or number // 4 in counted for number in range(128))
    assert provided.another().persons(ACME) == 10


@ON_SQLITE
def test_candidates_are_who_runs_a_model(provided: Provided) -> None:
    """The operator's own engines beside a provider's; each with where it stands."""
    provided.admitted()
    catalogue = provided.catalogue
    catalogue.add("m", url="http://127.0.0.1:9/v1", engine="own")
    catalogue.add("m", url="https://api.acme.example/v1", engine="theirs", provider=ACME, region=Region("eu"))

    found = provided.providers.candidates("m")
    assert [(one.card.provider, one.region) for one in found] == [(HOME, "home"), (ACME, "eu")]


@ON_SQLITE
def test_an_engine_is_its_providers_and_nobody_elses(provided: Provided) -> None:
    """A provider's endpoint is not called the operator's own, and an address that is no endpoint is not theirs."""
    provided.providers.propose("acme", facts(), by=ANA, reason="students ask for it")
    add: Callable[..., object] = provided.catalogue.add
    wrong: list[dict[str, object]] = [
        {"url": "https://api.acme.example/v1", "region": Region("home")},
        {"url": "https://api.other.example/v1", "region": Region("eu"), "provider": ACME},
        {"url": "https://api.acme.example/v1", "region": Region("us"), "provider": ACME},
        {"url": "https://api.acme.example/v1", "region": Region("eu"), "provider": ProviderId("nobody")},
        {"plugin": "echo", "provider": ACME},
    ]
    for said in wrong:
        with pytest.raises((InvalidRequest, Conflict)):
            add("m", **said)
    add("m", url="https://api.acme.example/v1", region=Region("eu"), provider=ACME, key_env="ACME_KEY")

    assert not provided.catalogue.engines(), "no egress is set, so it is not reached"


@ON_SQLITE
def test_a_scope_is_kept_as_it_was_said(provided: Provided) -> None:
    """Organisations and models are kept; a trial is for evaluation, whatever was said."""
    scope = Scope(purposes=frozenset({"research"}), organisations=frozenset({OrganisationId("org_1")}))
    provided.admitted(scope=scope)
    assert provided.another().provider("acme").scope == scope
    provided.providers.suspend("acme", by=ANA, reason="look again")
    provided.providers.advance("acme", by=ANA, reason="looked")
    until_ms = provided.clock.now_ms() + DAY_MS
    provided.providers.begin_trial("acme", scope, until_ms=until_ms, by=ANA, reason="once more")

    assert provided.another().card(ACME).purposes == {"evaluation"}

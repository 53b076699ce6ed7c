"""A licence file is what its issuer signed, or it is nothing; it is checked without a network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.amount import REQUEST, Amount, money
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, LicenceRefused, SeatRequired
from courtyard.core.ids import ModelName, PersonId
from courtyard.core.usage import Usage
from courtyard.ledger import Ledger, Period
from courtyard.licensing import (
    Bound,
    Licence,
    Licensing,
    LicensingSettings,
    in_grace,
    issue,
    public_hex,
    verify,
    write_licence,
)
from courtyard.pricing import Pricing
from courtyard.storage import Database
from tests.licensing.asking import ORGANISATION, PERSON, admitted, asked
from tests.licensing.sold import DAY_MS, DAY_S, serve

KEY = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
PUBLIC = public_hex(KEY.public_key())
USD = money("USD")
LIMIT = Bound(count=100, unit=REQUEST, period=Period.DAY)

Install = Callable[..., Licensing]


def made(clock: FrozenClock | None = None, **said: Any) -> Licence:
    fields = {"seats": 1, "models": [ModelName("small")], "limits": [LIMIT]} | said
    return issue("Acme", KEY, now_ms=(clock or FrozenClock()).now_ms(), **fields)


@pytest.fixture
def install(database: Database, ledger: Ledger, pricing: Pricing, clock: FrozenClock, tmp_path: Path) -> Install:
    """Makes an installation with a licence in its data directory."""
    ledger.open_account(ORGANISATION, purpose="wallet", unit=USD)
    settings = LicensingSettings(file=tmp_path / "licence.json", key=tmp_path / "licence.pub")

    def install(licence: Licence, *, key: str = PUBLIC) -> Licensing:
        licensing = Licensing(ledger, pricing, database, clock, settings=settings)
        licensing.installed.install(write_licence(licence), key)
        return licensing

    return install


def test_what_was_issued_is_verified(clock: FrozenClock) -> None:
    """By the public key alone, in hex or PEM, from the text of the file."""
    licence = made(clock, expires_ms=clock.now_ms() + DAY_MS)
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    assert verify(write_licence(licence), PUBLIC) == licence
    assert verify(write_licence(licence), pem) == licence
    assert licence.issuer == PUBLIC


@given(st.data())
def test_whatever_is_changed_in_it_is_noticed(data: st.DataObject) -> None:
    """Any field: more seats, another customer, a later expiry, no limits, a signature of something else."""
    said = json.loads(write_licence(made(expires_ms=FrozenClock().now_ms() + DAY_MS)))
    name = data.draw(st.sampled_from(sorted(said)))
    other = {
        "seats": 1000,
        "models": None,
        "limits": [],
        "signature": "00" * 64,
        "issuer": "11" * 32,
        "customer": "Acme Ltd",
        "id": "licence_2",
    }
    said[name] = other.get(name, (said[name] or 0) + 1 if name in ("issued_ms", "expires_ms", "grace_days") else None)

    with pytest.raises(LicenceRefused, match=r"changed after it was signed|signed by another key"):
        verify(json.dumps(said), PUBLIC)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"customer": "Acme"}', "not json"])
def test_what_is_no_licence_is_refused(text: str) -> None:
    """With what to do."""
    with pytest.raises(LicenceRefused, match=r"this is no licence file: .* ask who sold it"):
        verify(text, PUBLIC)


def test_another_issuer_is_not_believed() -> None:
    """A licence that somebody else signed is not genuine, however well it is signed."""
    other = Ed25519PrivateKey.generate()
    forged = issue("Acme", other, now_ms=0)

    with pytest.raises(LicenceRefused, match="signed by another key"):
        verify(write_licence(forged), PUBLIC)
    with pytest.raises(InvalidRequest, match="64 hex digits, or a PEM file"):
        verify(write_licence(forged), "abc")


def test_an_installation_without_a_licence_serves_as_ever(
    database: Database, ledger: Ledger, pricing: Pricing, clock: FrozenClock, tmp_path: Path
) -> None:
    """Unless its settings name one: then nothing is served before it is there."""
    ledger.open_account(ORGANISATION, purpose="wallet", unit=USD)
    where = {"file": tmp_path / "none.json", "key": tmp_path / "none.pub"}

    assert Licensing(ledger, pricing, database, clock, settings=LicensingSettings(**where)).entitle(admitted())
    required = Licensing(ledger, pricing, database, clock, settings=LicensingSettings(**where, required=True))
    with pytest.raises(LicenceRefused, match=r"can't be read: .*none.json"):
        required.entitle(admitted())


def test_a_licence_bounds_the_installation(install: Install, ledger: Ledger, pricing: Pricing) -> None:
    """Its models alone are served, its limits hold for every request, and people need a seat."""
    pricing.set_price(ModelName("large"), {"input": 1, "output": 1}, currency="USD")
    licensing = install(made())
    with pytest.raises(SeatRequired):
        licensing.entitle(admitted())
    licensing.assign(ORGANISATION, PERSON)
    with pytest.raises(Conflict, match=r"all 1 seats are held; .* the licence of this installation has no more"):
        licensing.assign(ORGANISATION, PersonId("person_2"))

    (limit,) = licensing.entitle(admitted()).limits
    assert (limit.count_max, limit.unit, limit.period) == (100, REQUEST, Period.DAY)
    assert limit.name == "the licence of Acme"
    assert licensing.entitle(admitted(person=None)).limits == (limit,)
    with pytest.raises(LicenceRefused, match="does not include model 'large', but small"):
        licensing.entitle(admitted(asked(model=ModelName("large"))))


def test_a_licence_expires_after_its_grace(install: Install, clock: FrozenClock) -> None:
    """A late renewal stops nobody's work; then requests are refused with what to do, until a new one is installed."""
    begins_ms = clock.now_ms()
    licence = made(clock, seats=None, expires_ms=begins_ms + DAY_MS, grace_days=2)
    licensing = install(licence)
    assert not in_grace(licence, clock.now_ms())
    clock.advance(2 * DAY_S)
    assert in_grace(licence, clock.now_ms())
    assert licensing.entitle(admitted())
    clock.advance(DAY_S)
    with pytest.raises(LicenceRefused, match=r"expired on 2026-01-02, and its 2 days of grace are over; ask who sold"):
        licensing.entitle(admitted())
    with pytest.raises(LicenceRefused, match="expired"):
        install(licence)
    renewed = install(made(clock, seats=None))

    assert renewed.entitle(admitted())


def test_a_clock_that_is_set_back_is_noticed(install: Install, clock: FrozenClock) -> None:
    """As far as requests tell: whoever turns it back finds the licence refused, not renewed."""
    licensing = install(made(clock, seats=None, expires_ms=clock.now_ms() + 10 * DAY_MS))
    clock.advance(5 * DAY_S)
    assert licensing.entitle(admitted())
    clock.advance(-3 * DAY_S)

    with pytest.raises(LicenceRefused, match="clock is set to a time before the last receipt"):
        licensing.entitle(admitted())


def test_a_clock_that_was_set_back_while_nobody_served_is_noticed(
    install: Install, ledger: Ledger, clock: FrozenClock
) -> None:
    """The last receipt in the book tells, also after a restart."""
    licence = made(clock, seats=None, limits=[], expires_ms=clock.now_ms() + 10 * DAY_MS)
    wallet = ledger.open_account(ORGANISATION, purpose="wallet", unit=USD)
    ledger.top_up(wallet.id, Amount(10**9, USD), "first")
    clock.advance(5 * DAY_S)
    serve(install(licence), ledger, (ORGANISATION, Usage(input=10)))
    clock.advance(-3 * DAY_S)

    with pytest.raises(LicenceRefused, match="clock is set to a time before the last receipt"):
        install(licence).entitle(admitted())


def test_a_licence_that_was_edited_where_it_lies_stops_serving(install: Install, tmp_path: Path) -> None:
    """With a refusal that says so; the genuine one again serves again."""
    licensing = install(made(seats=None))
    file = tmp_path / "licence.json"
    genuine = file.read_text()
    file.write_text(genuine.replace("Acme", "Acne"))
    licensing.reload()
    with pytest.raises(LicenceRefused, match="'Acne' was changed after it was signed"):
        licensing.entitle(admitted())
    assert "was changed" in (licensing.installed.problem or "")
    file.write_text(genuine)
    licensing.reload()

    assert licensing.entitle(admitted())


def test_nonsense_is_not_issued(clock: FrozenClock) -> None:
    """A licence names somebody, counts from zero, and expires in the future."""
    for said in ({"seats": -1}, {"grace_days": -1}, {"expires_ms": clock.now_ms()}):
        with pytest.raises(InvalidRequest):
            made(clock, **said)
    with pytest.raises(InvalidRequest, match="names its customer"):
        issue(" ", KEY, now_ms=0)


def test_a_licence_for_fewer_people_lets_no_more_of_them_pass(install: Install) -> None:
    """Those who held their seats first keep them; whoever was seated beyond it waits until one is free."""
    licensing = install(made(seats=2))
    other = PersonId("person_2")
    for person in (other, PERSON):
        licensing.assign(ORGANISATION, person)
    licensing = install(made(seats=1))
    with pytest.raises(SeatRequired, match="has 1 seats, and those who held theirs before"):
        licensing.entitle(admitted())
    assert licensing.entitle(admitted(person=other))
    licensing.free(other)

    assert licensing.entitle(admitted())


@pytest.mark.parametrize(
    "said",
    [
        {"seats": 10**12},
        {"grace_days": 10**12},
        {"limits": [Bound(count=10**30, unit=REQUEST, period=Period.DAY)]},
        {"customer": "A" * 300},
        {"customer": "Acme\nLtd"},
    ],
)
def test_a_licence_that_no_installation_could_keep_is_not_issued(said: dict[str, Any]) -> None:
    """It would keep an installation from starting, where nobody could mend it."""
    with pytest.raises(InvalidRequest):
        issue(said.pop("customer", "Acme"), KEY, now_ms=0, **said)

"""Links and passwords let people in once and slowly; sessions end by idling, by age and by their owner's word."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest, NotAuthenticated, NotFound, RateLimited
from courtyard.core.ids import PersonId
from courtyard.identity import Identity, Person, Setup, SignedIn
from tests.identity.conftest import SETTINGS, Beside
from tests.identity.threads import race

EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"


@pytest.fixture
def ada(identity: Identity, setup: Setup) -> Person:
    person = identity.add_person(setup.organisation.id, email=EMAIL, name="Ada")
    identity.set_password(person.id, PASSWORD)
    return identity.person(person.id)


def test_a_link_signs_in_once(identity: Identity, setup: Setup) -> None:
    """It begins a session of its person; a second time it is refused."""
    link = identity.one_time_link(setup.person.id)
    signed_in = identity.sign_in_by_link(link)
    session = identity.session(signed_in.token)

    assert session == signed_in.session
    assert session is not None
    assert session.person == setup.person
    assert session.principal.project == setup.project.id
    assert session.principal.key is None
    with pytest.raises(NotAuthenticated, match="was used"):
        identity.sign_in_by_link(link)


def test_of_many_who_follow_a_link_one_gets_in(beside: Beside, setup: Setup) -> None:
    """Even when they follow it in one moment, in several processes."""
    rooms = [beside() for _ in range(6)]
    link = rooms[0].one_time_link(setup.person.id)
    outcomes = race(*(lambda room=room: room.sign_in_by_link(link) for room in rooms))

    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NotAuthenticated) for outcome in outcomes) == 5


def test_a_link_is_good_for_a_while(identity: Identity, setup: Setup, clock: FrozenClock) -> None:
    """Fifteen minutes, and not a moment longer; a wrong one never was."""
    late, later = identity.one_time_link(setup.person.id), identity.one_time_link(setup.person.id)
    clock.advance(SETTINGS.link_s - 1)
    identity.sign_in_by_link(late)
    clock.advance(1)

    for link in (later, "", "x" * 10_000, "\ud800"):
        with pytest.raises(NotAuthenticated):
            identity.sign_in_by_link(link)
    with pytest.raises(NotFound):
        identity.one_time_link(PersonId("person_x"))


def test_a_password_signs_in(identity: Identity, ada: Person) -> None:
    """However the e-mail address and the password were typed."""
    identity.set_password(ada.id, "Ｐａｓｓｗｏｒｄ with cafe\N{COMBINING ACUTE ACCENT}")
    signed_in = identity.sign_in(" ADA@example.ORG ", "Password with café")

    assert signed_in.session.person.id == ada.id
    assert ada.has_password


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "wrong"),
        (EMAIL, ""),
        ("nobody@example.org", PASSWORD),
        ("", PASSWORD),
        (EMAIL, "\ud800"),
        ("\ud800", ""),
    ],
)
def test_a_wrong_password_says_only_that(identity: Identity, ada: Person, email: str, password: str) -> None:
    """Nobody learns whether there is such a person."""
    with pytest.raises(NotAuthenticated) as refused:
        identity.sign_in(email, password)

    assert refused.value.message == "the e-mail address or the password is wrong"


def test_who_has_no_password_enters_by_none(identity: Identity, setup: Setup) -> None:
    """A person who was never given one can't be guessed in."""
    for password in ("", "removed", PASSWORD):
        with pytest.raises(NotAuthenticated):
            identity.sign_in(setup.person.email, password)

    assert not setup.person.has_password


@pytest.mark.parametrize("password", ["short", "x" * 1025, "e\N{COMBINING ACUTE ACCENT}" * 11])
def test_a_password_has_a_length(identity: Identity, ada: Person, password: str) -> None:
    """At least twelve characters as people count them, and no more than anybody types."""
    with pytest.raises(InvalidRequest):
        identity.set_password(ada.id, password)

    assert identity.sign_in(EMAIL, PASSWORD)


def test_another_password_ends_what_the_old_one_began(identity: Identity, ada: Person) -> None:
    """Sessions and links end, and the old password is wrong."""
    link = identity.one_time_link(ada.id)
    token = identity.sign_in(EMAIL, PASSWORD).token
    identity.set_password(ada.id, "another long password")

    assert identity.session(token) is None
    for enter in (lambda: identity.sign_in(EMAIL, PASSWORD), lambda: identity.sign_in_by_link(link)):
        with pytest.raises(NotAuthenticated):
            enter()


def test_a_session_that_idles_is_over(identity: Identity, ada: Person, clock: FrozenClock) -> None:
    """Each use lets it idle anew."""
    token = identity.sign_in(EMAIL, PASSWORD).token
    for _ in range(3):
        clock.advance(SETTINGS.session_idle_s - 1)
        assert identity.session(token)
    clock.advance(SETTINGS.session_idle_s)

    assert identity.session(token) is None
    assert identity.session(token) is None


def test_a_session_is_over_in_the_end(identity: Identity, ada: Person, clock: FrozenClock) -> None:
    """However much it is used, after a week."""
    signed_in = identity.sign_in(EMAIL, PASSWORD)
    while clock.now_ms() < signed_in.session.expires_at_ms - 3_600_000:
        assert identity.session(signed_in.token)
        clock.advance(3600)
    assert identity.session(signed_in.token)
    clock.advance(3600)

    assert identity.session(signed_in.token) is None


def test_a_session_is_known_everywhere(beside: Beside, identity: Identity, ada: Person, clock: FrozenClock) -> None:
    """Another process knows it after reading again, and knows that it was used here."""
    token = identity.sign_in(EMAIL, PASSWORD).token
    other = beside()
    for _ in range(2):
        clock.advance(SETTINGS.session_idle_s - 60)
        assert identity.session(token)
        identity.flush()
        other.flush()

    assert other.session(token)


def test_signing_out_ends_one_session(beside: Beside, identity: Identity, ada: Person) -> None:
    """The person's other sessions stay; a token that is none of ours changes nothing."""
    one, other = (identity.sign_in(EMAIL, PASSWORD).token for _ in range(2))
    identity.sign_out(one)
    identity.sign_out("nobody's")

    assert identity.session(one) is None
    assert beside().session(one) is None
    assert identity.session(other)


def test_a_form_token_belongs_to_one_session(identity: Identity, ada: Person) -> None:
    """Another session's token, an empty one and nonsense are not accepted."""
    one, other = (identity.sign_in(EMAIL, PASSWORD).session for _ in range(2))

    assert one.accepts(one.csrf)
    assert not any(one.accepts(wrong) for wrong in (other.csrf, "", one.csrf[:-1], "é", "\ud800"))


def test_old_sessions_and_links_are_swept(identity: Identity, ada: Person, clock: FrozenClock) -> None:
    """What is over does not pile up in the database."""
    for _ in range(3):
        identity.sign_in(EMAIL, PASSWORD)
        identity.one_time_link(ada.id)
    clock.advance(SETTINGS.session_s_max + 3600)
    identity.sign_in(EMAIL, PASSWORD)
    with identity._database.reading() as db:
        counts = [
            db.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() for table in ("sessions", "sign_in_links")
        ]

    assert counts == [1, 0]


def test_guessing_one_person_is_slowed(identity: Identity, ada: Person, clock: FrozenClock) -> None:
    """After five failures each next try waits twice as long, right or wrong, from wherever it comes."""
    for n in range(SETTINGS.failures_per_email):
        with pytest.raises(NotAuthenticated):
            identity.sign_in(EMAIL, "wrong", address=f"192.0.2.{n}")
    with pytest.raises(RateLimited) as first:
        identity.sign_in(EMAIL.upper(), PASSWORD, address="192.0.2.200")
    clock.advance(1)
    with pytest.raises(NotAuthenticated):
        identity.sign_in(EMAIL, "wrong")
    with pytest.raises(RateLimited) as second:
        identity.sign_in(EMAIL, PASSWORD)
    clock.advance(2)

    assert (first.value.retry_after_s, second.value.retry_after_s) == (1, 2)
    assert identity.sign_in(EMAIL, PASSWORD)
    with pytest.raises(NotAuthenticated):  # The right one forgave the slips before it.
        identity.sign_in(EMAIL, "wrong")


@pytest.mark.parametrize("addresses", [["192.0.2.1"], ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1%eth0"]])
def test_guessing_from_one_address_is_slowed(
    identity: Identity, ada: Person, clock: FrozenClock, addresses: list[str]
) -> None:
    """Whichever people it tries, and wherever it stands in its IPv6 network."""
    for n in range(SETTINGS.failures_per_address):
        address = addresses[n % len(addresses)]
        with pytest.raises(NotAuthenticated):
            identity.sign_in(f"p{n}@example.org", "wrong", address=address)
    with pytest.raises(RateLimited):
        identity.sign_in(EMAIL, PASSWORD, address=addresses[-1])

    assert identity.sign_in(EMAIL, PASSWORD, address="198.51.100.1")


def test_wrong_links_lock_nobody_out(identity: Identity, ada: Person) -> None:
    """Nobody guesses a link, so tries at links stand in the way of nobody behind the same address, nor does a slowed
    address stand in the way of a link."""
    for n in range(2 * SETTINGS.failures_per_address):
        with pytest.raises(NotAuthenticated):
            identity.sign_in_by_link(f"guess {n}")
    assert identity.sign_in(EMAIL, PASSWORD, address="192.0.2.1")
    for n in range(SETTINGS.failures_per_address):
        with pytest.raises(NotAuthenticated):
            identity.sign_in(f"p{n}@example.org", "wrong", address="192.0.2.1")

    assert identity.sign_in_by_link(identity.one_time_link(ada.id))


def test_guesses_at_once_are_no_more_than_one_after_the_other(identity: Identity, ada: Person) -> None:
    """What is tried in parallel counts before it is answered."""
    outcomes = race(*(lambda: identity.sign_in(EMAIL, "wrong") for _ in range(4 * SETTINGS.failures_per_email)))

    assert not any(isinstance(outcome, SignedIn) for outcome in outcomes)
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 3 * SETTINGS.failures_per_email

"""Other people's sign-in pages: whom they vouch for is let in, and nobody else."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from courtyard.core.clock import FrozenClock, SystemClock
from courtyard.core.errors import NotAuthenticated, NotFound, Unavailable
from courtyard.core.ids import Region
from courtyard.core.principal import Role
from courtyard.identity import Identity, Organisation, SignOnSettings, openid
from courtyard.storage import Database, Keyring
from tests.identity.conftest import SETTINGS
from tests.identity.openid import SECRET, came_back, provider

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # The provider's, of its own library.

BACK = "http://127.0.0.1:8420/sign-in/back/staff"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as url:
        yield url


@pytest.fixture
def database(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """One kind is enough here: nothing is asked of it that others' tests do not ask of both."""
    path = tmp_path / "courtyard.db"
    shutil.copyfile(sqlite_template, path)
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.close()


class Staff:
    """Identity with one provider, for an organisation that is not the operator's."""

    def __init__(self, database: Database, directory: Path, issuer: str, **settings: object) -> None:
        secret = directory / "client.secret"
        secret.write_text(SECRET + "\n")
        known = SignOnSettings(
            issuer=issuer,
            client_id="courtyard",
            client_secret_file=secret,
            organisation="Clinic",
            private_hosts=("127.0.0.1",),
            **settings,
        )
        keyring = Keyring(directory / "keys")
        self.identity = Identity(
            database, keyring, SystemClock(), home=Region("home"), settings=SETTINGS, sign_on={"staff": known}
        )
        self.identity.setup()
        self.clinic: Organisation = self.identity.add_organisation("Clinic")

    def sign_in(self, subject: str):
        """Go there and back."""
        there = self.identity.sign_on_there("staff", back=BACK, next="/usage")
        return self.identity.sign_on_back("staff", came_back(there.url, subject), there.way, back=BACK)


@pytest.fixture
def staff(database: Database, tmp_path: Path, issuer: str) -> Staff:
    return Staff(database, tmp_path, issuer)


def test_somebody_who_is_vouched_for_joins_and_comes_again(staff: Staff) -> None:
    """As a member of the provider's organisation, and as the same person the second time, whatever their address."""
    came = staff.sign_in("ana")
    ana = came.signed_in.session.person
    staff.identity.correct_person(ana.id, email="ana.new@example.org")
    again = staff.sign_in("ana").signed_in.session.person

    assert (came.next, ana.email, ana.role, ana.organisation) == (
        "/usage",
        "ana@example.org",
        Role.MEMBER,
        staff.clinic.id,
    )
    assert again.id == ana.id


def test_a_provider_vouches_for_nobody_of_another_organisation(staff: Staff) -> None:
    """Not for the operator, whose address it tells; and not for an address that it has not verified."""
    with pytest.raises(NotAuthenticated, match="nobody here"):
        staff.sign_in("eve")
    with pytest.raises(NotAuthenticated, match="verified"):
        staff.sign_in("bob")


def test_an_address_that_was_given_on_is_not_who_had_it(staff: Staff) -> None:
    """Another account of the provider with the same address is somebody else, until an operator says otherwise."""
    ana = staff.sign_in("ana").signed_in.session.person
    with pytest.raises(NotAuthenticated, match="had it before"):
        staff.sign_in("ana-2")
    assert staff.sign_in("ana").signed_in.session.person == ana
    staff.identity.remove_person(ana.id)

    assert staff.sign_in("ana-2").signed_in.session.person.id != ana.id


def test_groups_give_roles_at_each_sign_in(database: Database, tmp_path: Path, issuer: str) -> None:
    """The first one that fits; without one a member."""
    staff = Staff(database, tmp_path, issuer, roles={"wall": Role.APPROVER, "staff": Role.ADMIN})
    first = staff.sign_in("ana").signed_in.session.person
    staff.identity.set_role(first.id, Role.MEMBER)

    assert first.role is Role.APPROVER
    assert staff.sign_in("ana").signed_in.session.person.role is Role.APPROVER


def test_who_may_not_join_has_to_be_there(database: Database, tmp_path: Path, issuer: str) -> None:
    """And then is the one with that address; a suspended one stays out, and a removed one is nobody."""
    staff = Staff(database, tmp_path, issuer, join=False)
    with pytest.raises(NotAuthenticated, match="nobody here"):
        staff.sign_in("ana")
    ana = staff.identity.add_person(staff.clinic.id, email="ana@example.org")
    assert staff.sign_in("ana").signed_in.session.person.id == ana.id
    staff.identity.suspend(ana.id)
    with pytest.raises(NotAuthenticated):
        staff.sign_in("ana")
    staff.identity.remove_person(ana.id)

    with pytest.raises(NotAuthenticated, match="nobody here"):
        staff.sign_in("ana")


def test_where_it_is_required_passwords_open_nothing(database: Database, tmp_path: Path, issuer: str) -> None:
    """For that organisation's people; others keep theirs."""
    staff = Staff(database, tmp_path, issuer, required=True, label="Clinic login")
    for organisation, email in (
        (staff.clinic.id, "ana@example.org"),
        (staff.identity.organisations()[0].id, "x@y.org"),
    ):
        person = staff.identity.add_person(organisation, email=email)
        staff.identity.set_password(person.id, "correct horse battery")

    with pytest.raises(NotAuthenticated, match="sign in with Clinic login"):
        staff.identity.sign_in("ana@example.org", "correct horse battery")
    assert staff.identity.sign_in("x@y.org", "correct horse battery")


def test_only_the_browser_that_left_comes_back(staff: Staff) -> None:
    """Another state, another way, a stale one, a code that was used: none opens anything."""
    there, other = (staff.identity.sign_on_there("staff", back=BACK) for _ in range(2))
    query = came_back(there.url, "ana")
    attempts = [
        (query | {"state": "x"}, there.way),
        (query, other.way),
        (query, there.way[:-1] + "0"),
        (query, ""),
        ({"state": query["state"], "error": "access_denied"}, there.way),
        (query | {"iss": "https://evil.example"}, there.way),
    ]
    for told, way in attempts:
        with pytest.raises(NotAuthenticated):
            staff.identity.sign_on_back("staff", told, way, back=BACK)
    staff.identity.sign_on_back("staff", query, there.way, back=BACK)

    with pytest.raises(NotAuthenticated, match="does not vouch"):
        staff.identity.sign_on_back("staff", query, there.way, back=BACK)
    with pytest.raises(NotFound):
        staff.identity.sign_on_there("nobody", back=BACK)


def test_a_way_is_good_for_ten_minutes() -> None:
    """And then says so."""
    clock, key = FrozenClock(), b"k" * 32
    sealed = openid.seal(openid.new_way("staff", next="", now_ms=clock.now_ms()), key)
    clock.advance(601)

    with pytest.raises(NotAuthenticated, match="too long"):
        openid.unseal(sealed, key, now_ms=clock.now_ms())


def test_a_provider_that_is_away_or_another_one_is_said_to_be(database: Database, tmp_path: Path, issuer: str) -> None:
    """Nobody is let in, and the settings' mistake is named."""
    staff = Staff(database, tmp_path, issuer + "/")
    with pytest.raises(Unavailable, match="calls itself"):
        staff.sign_in("ana")
    away = SignOnSettings(issuer="http://127.0.0.1:9", client_id="c", private_hosts=("127.0.0.1",))
    with pytest.raises(Unavailable, match="can't be reached"):
        openid.discover(away.issuer, away.private_hosts)


GOOD = {"iss": "https://login.example", "aud": "us", "sub": "1", "nonce": "n"}
PLACE = openid.Place(
    issuer="https://login.example", authorization_endpoint="https://x", token_endpoint="https://x", jwks_uri="https://x"
)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "them"}, "aud"),
        ({"aud": ["us", "them"]}, "aud"),
        ({"aud": ["us", "them"], "azp": "them"}, "aud"),
        ({"exp": 0}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": 1e12}, "iat"),
        ({"nonce": "m"}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
    ],
)
def test_a_token_is_checked_claim_by_claim(wrong: dict[str, object], said: str) -> None:
    """Each one that is wrong is named."""
    key = OKPKey.generate_key("Ed25519", {"kid": "1"})
    times = {"exp": time.time() + 60, "iat": time.time()}
    keys, now_ms = KeySet([key]), int(time.time() * 1000)

    def checked(claims: dict[str, object]) -> object:
        token = jwt.encode({"alg": "Ed25519", "kid": "1"}, claims, key, algorithms=["Ed25519"])
        return openid.verified(token, keys, place=PLACE, client_id="us", nonce="n", now_ms=now_ms)

    assert checked(GOOD | times)
    with pytest.raises(NotAuthenticated, match=said):
        checked(GOOD | times | wrong)


def test_a_token_of_another_key_or_of_none_is_not_believed() -> None:
    """Nor one signed with the client's secret or a public key as a secret."""
    keys = KeySet([OKPKey.generate_key("Ed25519", {"kid": "1"})])
    other = OKPKey.generate_key("Ed25519", {"kid": "1"})
    claims = GOOD | {"exp": time.time() + 60, "iat": time.time()}
    forged = [
        jwt.encode({"alg": "Ed25519", "kid": "1"}, claims, other, algorithms=["Ed25519"]),
        "eyJhbGciOiJub25lIn0.e30.",
        "nonsense",
    ]
    for token in forged:
        with pytest.raises(NotAuthenticated, match="can't be believed"):
            openid.verified(token, keys, place=PLACE, client_id="us", nonce="n", now_ms=0)

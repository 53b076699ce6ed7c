"""Signing in with a provider of OpenID Connect: there, back, and who that is here."""

import hmac
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from courtyard.core.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound, Unavailable
from courtyard.core.ids import PersonId
from courtyard.core.principal import Role
from courtyard.identity import openid, rules, store, vouching
from courtyard.identity.directory import Directory
from courtyard.identity.model import Organisation, Person, SignedIn, SignOnSettings
from courtyard.identity.openid import Place, Vouched
from courtyard.identity.sign_in import SignIn

_STRANGER = "nobody here is known by what the provider vouches for; ask an operator to add you"
_GIVEN_ON = (
    "your e-mail address belongs here to another account of your provider, which may be somebody's who had it before "
    "you; ask an operator to correct or remove that person"
)


class Button(NamedTuple):
    """A way in that the sign-in page shows."""

    name: str
    label: str


class There(NamedTuple):
    """Where to send a browser, and what it has to bring back."""

    url: str
    way: str


class Back(NamedTuple):
    """Somebody who came back, and where they wanted to go."""

    signed_in: SignedIn
    next: str


class SignOn(Directory, SignIn):
    """Everything about other people's sign-in pages. It calls them, so call it from a thread."""

    _sign_on: Mapping[str, SignOnSettings]
    _places: dict[str, Place]
    _provider_keys: dict[str, Any]

    @property
    def sign_on_buttons(self) -> tuple[Button, ...]:
        """The providers that people may sign in with."""
        return tuple(Button(name, settings.label or name) for name, settings in self._sign_on.items())

    def sign_on_there(self, name: str, *, back: str, next: str = "") -> There:
        """Say where a browser goes to sign in, and is to come `back` from.

        Raises:
            NotFound: there is no such provider.
            Unavailable: it can't be reached, or is none.
        """
        settings = self._provider(name)
        way = openid.new_way(name, next=next, now_ms=self._clock.now_ms())
        url = openid.there(self._place(name), way, client_id=settings.client_id, scopes=settings.scopes, back=back)
        return There(url, openid.seal(way, self._sealing))

    def sign_on_back(self, name: str, query: Mapping[str, str], way: str, *, back: str) -> Back:
        """Begin a session for whom a provider vouches for.

        Raises:
            NotFound: there is no such provider.
            NotAuthenticated: it vouches for nobody, or for somebody who is not here and may not join.
            Unavailable: it can't be reached.
        """
        settings = self._provider(name)
        begun = openid.unseal(way, self._sealing, now_ms=self._clock.now_ms())
        if begun.name != name or not hmac.compare_digest(begun.state.encode(), query.get("state", "").encode()):
            raise NotAuthenticated("this sign-in was not begun in this browser; begin again")
        if query.get("iss", settings.issuer) != settings.issuer:  # RFC 9207: it came from another provider.
            raise NotAuthenticated("another provider answered than was asked; begin again")
        if "code" not in query:
            raise NotAuthenticated(f"the provider signed nobody in ({query.get('error', 'no code')[:80]}); begin again")
        place = self._place(name)
        tokens = openid.redeem(
            place,
            begun,
            query["code"],
            client_id=settings.client_id,
            secret=_secret(settings),
            back=back,
            private_hosts=settings.private_hosts,
        )
        claims = self._claims(name, place, tokens["id_token"], begun.nonce)
        told = openid.told_of(place, claims, tokens.get("access_token"), settings.private_hosts)
        person = self._person_of(settings, openid.vouched(told, groups_claim=settings.groups_claim))
        if person.is_suspended:
            raise NotAuthenticated(_STRANGER)
        self._sweep()
        with self._changing() as db:
            store.lock_person(db, person.id)
            token = self._begin(db, person.id)
        return Back(self._signed_in(token), begun.next)

    def _claims(self, name: str, place: Place, token: str, nonce: str) -> dict[str, Any]:
        """Check an ID token; keys that do not fit are asked for once more, for providers change them."""
        settings, now_ms = self._provider(name), self._clock.now_ms()
        if name in self._provider_keys:
            with suppress(NotAuthenticated):
                return openid.verified(
                    token,
                    self._provider_keys[name],
                    place=place,
                    client_id=settings.client_id,
                    nonce=nonce,
                    now_ms=now_ms,
                )
        self._provider_keys[name] = openid.keys_of(place, settings.private_hosts)
        return openid.verified(
            token, self._provider_keys[name], place=place, client_id=settings.client_id, nonce=nonce, now_ms=now_ms
        )

    def _person_of(self, settings: SignOnSettings, vouched: Vouched) -> Person:
        """Find who that is here; by an e-mail address only the first time, and only in the provider's organisation."""
        organisation = self._organisation_of(settings)
        with self._database.reading() as db:
            known = vouching.read_sign_on(db, vouched.issuer, vouched.subject)
        person = self._known.people.get(known) if known else None
        if person is None:
            person = self._newly_known(settings, organisation, vouched)
        if person.organisation != organisation.id:
            raise NotAuthenticated(_STRANGER)
        return self._with_role(settings, person, vouched)

    def _newly_known(self, settings: SignOnSettings, organisation: Organisation, vouched: Vouched) -> Person:
        if not vouched.email or not (vouched.is_verified or settings.trust_email):
            raise NotAuthenticated("the provider tells no e-mail address of yours that it has verified")
        person = self._known.by_email.get(rules.spelled_email(vouched.email))
        if person is not None and person.organisation != organisation.id:
            raise NotAuthenticated(_STRANGER)
        if person is None:
            if not settings.join:
                raise NotAuthenticated(_STRANGER)
            person = self._joined(organisation, vouched)
        with self._database.reading() as db:
            if vouching.is_another(db, vouched.issuer, vouched.subject, person.id):
                raise NotAuthenticated(_GIVEN_ON)
        self._bind(person.id, vouched)
        return person

    def _joined(self, organisation: Organisation, vouched: Vouched) -> Person:
        try:
            return self.add_person(organisation.id, email=vouched.email, name=vouched.name or None)
        except Conflict:  # They signed in twice at once.
            self.reload()
            return self.person_by_email(vouched.email)
        except InvalidRequest as error:
            raise NotAuthenticated(f"the provider tells what can't be taken: {error.message}") from error

    def _bind(self, person: PersonId, vouched: Vouched) -> None:
        with suppress(Conflict), self._changing() as db:
            vouching.write_sign_on(db, vouched.issuer, vouched.subject, person, at_ms=self._clock.now_ms())

    def _with_role(self, settings: SignOnSettings, person: Person, vouched: Vouched) -> Person:
        """Give the role that the groups say, where the settings say what groups give."""
        if not settings.roles:
            return person
        given = next((role for group, role in settings.roles.items() if group in vouched.groups), Role.MEMBER)
        if given is person.role:
            return person
        with suppress(Conflict):  # The last operator stays one.
            return self.set_role(person.id, given)
        return person

    def _check_way(self, person: Person) -> None:
        for button in self.sign_on_buttons:
            settings = self._sign_on[button.name]
            if settings.required and self._organisation_of(settings).id == person.organisation:
                raise NotAuthenticated(f"people of your organisation sign in with {button.label}")

    def _organisation_of(self, settings: SignOnSettings) -> Organisation:
        organisations = self._known.organisations.values()
        if not settings.organisation:
            return next(iter(organisations))
        found = [one for one in organisations if settings.organisation in (one.id, one.name)]
        if not found:
            raise NotAuthenticated(
                f"there is no organisation {settings.organisation!r}; an operator has to look at this"
            )
        return found[0]

    def _provider(self, name: str) -> SignOnSettings:
        if name not in self._sign_on:
            raise NotFound("there is no such way to sign in")
        return self._sign_on[name]

    def _place(self, name: str) -> Place:
        if name not in self._places:
            settings = self._sign_on[name]
            self._places[name] = openid.discover(settings.issuer, settings.private_hosts)
        return self._places[name]

    @property
    def _sealing(self) -> bytes:
        return self._digest("sign-on")


def _secret(settings: SignOnSettings) -> str:
    """Read the client's secret; a public client has none."""
    try:
        if settings.client_secret_file is not None:
            return settings.client_secret_file.read_text().strip()
        return os.environ[settings.client_secret_env] if settings.client_secret_env is not None else ""
    except (OSError, KeyError) as error:
        where = settings.client_secret_file or settings.client_secret_env
        raise Unavailable(f"the secret for {settings.issuer} can't be read from {where}; tell the operator") from error

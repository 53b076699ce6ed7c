"""The ways in: a one-time link, or a password; and the sessions that they begin."""

from sqlalchemy import Connection

from courtyard.core.errors import NotAuthenticated
from courtyard.core.ids import PersonId, SessionId, new_id
from courtyard.identity import rules, store, tokens
from courtyard.identity.memory import Memory
from courtyard.identity.model import Person, Session, SignedIn
from courtyard.identity.passwords import Passwords
from courtyard.identity.store import SessionRow
from courtyard.identity.throttle import Throttle

_SWEEP_SLACK_MS = 10 * 60 * 1000
"""Other processes may know of a later use of a session than was written."""

_NO_LINK = "this link was used or is too old; ask for another"
_WRONG = "the e-mail address or the password is wrong"


class SignIn(Memory):
    """Everything about sessions. What takes a password hashes it, so call that from a thread."""

    _passwords: Passwords
    _by_email: Throttle
    _by_address: Throttle

    def session(self, token: str) -> Session | None:
        """Return the session of a cookie's token and note that it was used; nothing where it is over or unknown."""
        digest, known = self._digest(token), self._known
        session = known.sessions.get(digest)
        if session is None:
            return None
        now_ms = self._clock.now_ms()
        seen_ms = max(self._sessions_seen.get(digest, 0), known.seen[digest])
        if now_ms >= session.expires_at_ms or now_ms - seen_ms >= self._settings.session_idle_s * 1000:
            return None
        self._sessions_seen[digest] = now_ms
        return session

    def one_time_link(self, person: PersonId) -> str:
        """Make the token of a link that signs a person in once.

        Raises:
            NotFound: no such person.
        """
        token = tokens.new_token()
        expires_at_ms = self._clock.now_ms() + self._settings.link_s * 1000
        self.person(person)
        with self._database.transaction() as db:
            store.write_link(db, self._digest(token), person, expires_at_ms=expires_at_ms)
        return token

    def sign_in_by_link(self, token: str) -> SignedIn:
        """Use a one-time link up, and begin a session.

        Nothing slows tries at links: nobody guesses 256 bits, and who slowed an address would lock out everybody behind
        one proxy.

        Raises:
            NotAuthenticated: the link was used, is too old, or never was.
        """
        digest = self._digest(token)
        with self._database.reading() as db:
            person = store.read_link(db, digest)
        if person is None:
            raise NotAuthenticated(_NO_LINK)
        self._sweep()
        with self._changing() as db:
            store.lock_person(db, person)
            if not store.use_link(db, digest, now_ms=self._clock.now_ms()):
                raise NotAuthenticated(_NO_LINK)
            session_token = self._begin(db, person)
        return self._signed_in(session_token)

    def sign_in(self, email: str, password: str, *, address: str | None = None) -> SignedIn:
        """Check a password, and begin a session. A wrong one takes as long whether or not the person exists.

        Raises:
            NotAuthenticated: the e-mail address or the password is wrong.
            RateLimited: too many failures lately, with this e-mail address or from this network address.
        """
        name = rules.spelled_email(email)
        self._attempt(address)
        self._by_email.attempt(name)
        person = self._known.by_email.get(name)
        typed = rules.spelled(password)
        with self._database.reading() as db:
            hashed = store.read_password(db, person.id if person else PersonId(""))
        if not self._passwords.verify(typed, hashed) or person is None or hashed is None or person.is_suspended:
            raise NotAuthenticated(_WRONG)
        self._check_way(person)
        newer = self._passwords.hash(typed) if self._passwords.is_dated(hashed) else None
        self._sweep()
        with self._changing() as db:
            if not store.is_password(db, person.id, hashed):
                raise NotAuthenticated(_WRONG)  # It was changed while it was being checked.
            if newer is not None:
                store.set_password(db, person.id, newer)
            token = self._begin(db, person.id)
        self._by_email.succeeded(name, forget=True)
        self._succeeded(address)
        return self._signed_in(token)

    def sign_out(self, token: str) -> None:
        """End the session of a cookie's token, if there is one."""
        digest = self._digest(token)
        if digest in self._known.sessions:
            with self._changing() as db:
                store.end_session(db, digest)

    def set_password(self, person: PersonId, password: str) -> None:
        """Set a person's password, and end their sessions and links: whoever knew the old one is out.

        Raises:
            NotFound: no such person.
            InvalidRequest: it is too short or too long.
        """
        self.person(person)
        cleaned = rules.clean_password(password, length_min=self._settings.password_length_min)
        hashed = self._passwords.hash(cleaned)
        with self._changing() as db:
            store.set_password(db, person, hashed)
            store.end_links(db, person)
            store.end_sessions(db, person)

    def _check_way(self, person: Person) -> None:
        """Refuse a password where the person's organisation signs in otherwise."""

    def _begin(self, db: Connection, person: PersonId) -> str:
        now_ms = self._clock.now_ms()
        token = tokens.new_token()
        session = SessionRow(
            digest=self._digest(token),
            id=SessionId(new_id("session")),
            person=person,
            begun_at_ms=now_ms,
            expires_at_ms=now_ms + self._settings.session_s_max * 1000,
            seen_at_ms=now_ms,
        )
        store.write_session(db, session)
        return token

    def _sweep(self) -> None:
        """Forget sessions and links that are over, before a new one begins."""
        now_ms = self._clock.now_ms()
        idle_ms = self._settings.session_idle_s * 1000
        with self._database.transaction() as db:
            store.sweep(db, now_ms=now_ms, seen_since_ms=now_ms - idle_ms - _SWEEP_SLACK_MS)

    def _signed_in(self, token: str) -> SignedIn:
        session = self.session(token)
        if session is None:
            raise NotAuthenticated("this person was removed, or is kept out for now; ask an operator")
        return SignedIn(session, token)

    def _attempt(self, address: str | None) -> None:
        if address is not None:
            self._by_address.attempt(rules.network(address))

    def _succeeded(self, address: str | None) -> None:
        if address is not None:
            self._by_address.succeeded(rules.network(address), forget=False)

"""API keys: made, shown once, rotated, revoked, and looked up on every request."""

from collections.abc import Iterable

import msgspec

from courtyard.core.errors import Conflict, InvalidRequest, KeyExpired, NotAuthenticated
from courtyard.core.ids import KeyId, ModelName, OrganisationId, PersonId, ProjectId, new_id
from courtyard.core.principal import Principal, Role
from courtyard.identity import rules, store, tokens
from courtyard.identity.memory import Memory
from courtyard.identity.model import Key, NewKey

_MODELS_MAX = 1000


class Keys(Memory):
    """Everything about API keys."""

    def authenticate(self, credential: str) -> Principal:
        """Return the principal that an API key stands for.

        Raises:
            KeyExpired: the key was good until its expiry, or until its overlap after a rotation ended.
            NotAuthenticated: nobody knows it, or it was revoked.
        """
        found = self._known.credentials.get(self._digest(credential))
        if found is None:
            raise NotAuthenticated("this API key is unknown or was revoked; check it, or create another")
        now_ms = self._clock.now_ms()
        if now_ms >= found.expires_at_ms:
            raise KeyExpired(found.expired)
        self._keys_used[found.key] = now_ms
        return found.principal

    def keys(
        self,
        *,
        organisation: OrganisationId | None = None,
        project: ProjectId | None = None,
        person: PersonId | None = None,
    ) -> tuple[Key, ...]:
        """List keys, oldest first, with revoked and expired ones."""
        return tuple(
            self._with_use(key)
            for key in self._known.keys.values()
            if organisation in (None, key.organisation)
            and project in (None, key.project)
            and person in (None, key.person)
        )

    def key(self, key: KeyId) -> Key:
        """Look up a key, or raise `NotFound`."""
        return self._with_use(super().key(key))

    def create_key(
        self,
        project: ProjectId,
        *,
        name: str,
        person: PersonId | None = None,
        role: Role = Role.MEMBER,
        models: Iterable[ModelName] | None = None,
        purpose: str = "",
        expires_at_ms: int | None = None,
    ) -> NewKey:
        """Make a key; its secret is in the answer and nowhere else.

        `models` are names as the catalogue has them, not aliases: the caller resolves those.

        Raises:
            NotFound: no such project or person.
            InvalidRequest: the name is empty, the expiry is past, or the key is not for this person to have.
        """
        now_ms = self._clock.now_ms()
        home = self.project(project)
        if person is not None:
            rules.check_owner(self.person(person), organisation=home.organisation, role=role)
        if expires_at_ms is not None and expires_at_ms <= now_ms:
            raise InvalidRequest("a key expires in the future or never", param="expires_at_ms")
        scope = None if models is None else tuple(sorted(set(models)))
        if scope is not None and not 0 < len(scope) <= _MODELS_MAX:
            raise InvalidRequest(f"a key is scoped to 1 to {_MODELS_MAX} models, or to none for all", param="models")
        secret = tokens.new_key()
        key = Key(
            id=KeyId(new_id("key")),
            organisation=home.organisation,
            project=project,
            person=person,
            name=rules.clean_name(name, of="a key"),
            role=role,
            models=scope,
            purpose=rules.clean_purpose(purpose),
            prefix=tokens.shown(secret),
            created_at_ms=now_ms,
            expires_at_ms=expires_at_ms,
        )
        with self._changing() as db:
            store.write_key(db, key, self._digest(secret))
        return NewKey(self.key(key.id), secret)

    def rotate_key(self, key: KeyId, *, overlap_s: int = 0) -> NewKey:
        """Give a key a new secret. The one before works for `overlap_s` more, so that nothing need stop.

        Id, budgets, scope and expiry stay; a secret from an earlier rotation ends at once.

        Raises:
            NotFound: no such key.
            Conflict: it is revoked or expired.
        """
        now_ms = self._clock.now_ms()
        if overlap_s < 0:
            raise InvalidRequest("an overlap is not negative", param="overlap_s")
        if not self.key(key).is_good(now_ms):
            raise Conflict(f"key {key!r} is revoked or expired; create another")
        secret = tokens.new_key()
        with self._changing(
            taken=f"key {key!r} was rotated just now by somebody else; look before you do it again"
        ) as db:
            until_ms = now_ms + overlap_s * 1000
            store.rotate_key(db, key, self._digest(secret), tokens.shown(secret), until_ms=until_ms)
        return NewKey(self.key(key), secret)

    def revoke_key(self, key: KeyId) -> Key:
        """End a key: here at once, in other processes within a second. Revoking it again changes nothing.

        Raises:
            NotFound: no such key.
        """
        self.key(key)
        with self._changing() as db:
            store.revoke_key(db, key, now_ms=self._clock.now_ms())
        return self.key(key)

    def _with_use(self, key: Key) -> Key:
        used_at_ms = self._keys_used.get(key.id)
        return key if used_at_ms is None else msgspec.structs.replace(key, used_at_ms=used_at_ms)

"""The shelf of packs: brought in when signed, put in force by two people, and taken back by one at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from courtyard.approvals import Approval, Approvals, State
from courtyard.core.clock import Clock, date_time
from courtyard.core.errors import Conflict, NotFound
from courtyard.policy import signing, store
from courtyard.policy.facts import Facts
from courtyard.policy.files import ENVELOPE, read_archive, read_files, text_of, write_archive
from courtyard.policy.gate import USE, use_digest
from courtyard.policy.judging import check
from courtyard.policy.pack import Pack, PackRefused
from courtyard.policy.reading import read_pack
from courtyard.policy.shelved import Activation, Key, Shelved
from courtyard.policy.trials import Difference, Trial
from courtyard.storage import Database, Keyring, bump

ROOM = "policy"
PROMOTE = "policy.promote"
"""What two people have to approve before a pack is put in force."""
SHIPPED = Path(__file__).parent / "shipped"
"""Packs that come with Courtyard, as examples."""

_HOUSE_KEY = "policy"
_HISTORY_MAX = 200


def shipped() -> tuple[str, ...]:
    """Name the example packs."""
    return tuple(sorted(path.name for path in SHIPPED.iterdir() if path.is_dir() and (path / "manifest.yaml").exists()))


class Packs:
    """Packs at rest: what was brought in, what was in force when, and what is on trial."""

    def __init__(self, database: Database, keyring: Keyring, approvals: Approvals, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._approvals = approvals
        self._clock = clock

    def keys(self) -> tuple[Key, ...]:
        """List the keys whose signature a pack may come with."""
        with self._database.reading() as db:
            return tuple(store.read_keys(db))

    def trust(self, name: str, key: Ed25519PublicKey, *, by: str) -> Key:
        """Take packs that this key signed.

        Raises:
            Conflict: the key is trusted already, or another one has the name.
        """
        public = signing.public_bytes(key).hex()
        trusted = Key(id=signing.key_id(key), name=name, public=public, added_by=by, added_at_ms=self._clock.now_ms())
        with self._database.transaction() as db:
            for known in store.read_keys(db):
                if known.name == name or known.id == trusted.id:
                    raise Conflict(
                        f"key {known.name!r} ({known.id}) is trusted already; `courtyard policy keys` lists them"
                    )
            store.write_key(db, trusted)
        return trusted

    def distrust(self, name: str) -> None:
        """Take no more packs that this key signed; those that are here stay.

        Raises:
            NotFound: no such key is trusted.
        """
        with self._database.transaction() as db:
            if not store.remove_key(db, name):
                raise NotFound(f"no key {name!r} is trusted; `courtyard policy keys` lists them")

    def sign(self, files: Mapping[str, bytes], *, by: str) -> str:
        """Sign a pack with the house's own key, which is trusted from then on; returns the envelope.

        Raises:
            PackRefused: it would not load.
        """
        key = self._keyring.signing_key(_HOUSE_KEY)
        known = {one.id for one in self.keys()}
        if signing.key_id(key.public_key()) not in known:
            self.trust(f"house-{signing.key_id(key.public_key())[:8]}", key.public_key(), by=by)
        statement = statement_of(checked(files))
        beside = text_of(files, ENVELOPE) if ENVELOPE in files else None
        return signing.sign(statement, key, beside=beside)

    def bring(self, files: Mapping[str, bytes], *, by: str) -> Shelved:
        """Bring a pack in: whole, with vectors that come out, and signed by a key that is trusted here.

        Raises:
            PackRefused: it is not.
            Conflict: another pack has its name and version.
        """
        pack = checked(files)
        if ENVELOPE not in files:
            raise PackRefused(f"{pack.title} is not signed; `courtyard policy sign` signs it with this house's key")
        with self._database.transaction() as db:
            keys = [signing.TrustedKey(key.name, signing.read_public_key(key.public)) for key in store.read_keys(db)]
            signed_by = signing.verify(text_of(files, ENVELOPE), statement_of(pack), keys)
            for known in store.read_packs(db):
                if known.digest == pack.digest:
                    return known
                if known.title == pack.title:
                    raise Conflict(f"another pack is {pack.title} already; what was changed has a new version")
            shelved = Shelved(
                digest=pack.digest,
                name=pack.manifest.name,
                version=pack.manifest.version,
                signed_by=signed_by,
                brought_by=by,
                brought_at_ms=self._clock.now_ms(),
            )
            store.write_pack(db, shelved, write_archive(files))
        return shelved

    def all(self) -> tuple[Shelved, ...]:
        """List the packs that were brought in."""
        with self._database.reading() as db:
            return tuple(store.read_packs(db))

    def one(self, ref: str) -> Shelved:
        """Find a pack: by name (its newest version), by `name@version`, or by the beginning of its digest.

        Raises:
            NotFound: there is none.
        """
        with self._database.reading() as db:
            return _one(db, ref)

    def files(self, ref: str) -> dict[str, bytes]:
        """Read the files of a pack that was brought in, its signature among them."""
        with self._database.reading() as db:
            return read_archive(store.read_archive(db, _one(db, ref).digest))

    def pack(self, ref: str) -> Pack:
        """Read a pack that was brought in."""
        return read_pack(self.files(ref))

    def in_force(self) -> Activation | None:
        """Say what was put in force last; where its digest is nothing, no pack is."""
        with self._database.reading() as db:
            return store.read_activation(db)

    def history(self, limit: int = _HISTORY_MAX) -> tuple[Activation, ...]:
        """List what was in force, newest first."""
        with self._database.reading() as db:
            return tuple(store.read_activations(db, limit=limit))

    def propose(self, ref: str, *, by: str, reason: str = "") -> Approval:
        """Propose to put a pack in force; somebody else has to approve it.

        Raises:
            Conflict: it is in force, or not in effect today.
        """
        shelved = self.one(ref)
        self._check_promotable(shelved)
        return self._approvals.propose(PROMOTE, shelved.title, shelved.digest, by=by, reason=reason)

    def approve(self, ref: str, *, by: str, reason: str = "") -> Approval:
        """Approve that a pack is put in force, as the second person.

        Raises:
            NotFound: nobody proposed it.
            TwoPeople: `by` proposed it.
        """
        shelved = self.one(ref)
        for pending in self._approvals.list(state=State.PENDING, kind=PROMOTE):
            if pending.digest == shelved.digest:
                return self._approvals.approve(pending.id, by=by, reason=reason)
        raise NotFound(f"nobody proposed {shelved.title}; `courtyard policy propose {shelved.title}` does")

    def propose_use(
        self, organisation: str, provider: str, *, by: str, reason: str = "", until_ms: int | None = None
    ) -> Approval:
        """Propose that an organisation uses a provider, where the pack in force wants two people for that.

        Raises:
            Conflict: no pack is in force.
        """
        now = self.in_force()
        if now is None or now.digest is None:
            raise Conflict("no pack is in force, so nothing asks for two people")
        digest = use_digest(organisation, provider, now.digest)
        subject = f"{organisation} at {provider}"
        return self._approvals.propose(USE, subject, digest, by=by, reason=reason, expires_at_ms=until_ms)

    def promote(self, ref: str, *, by: str, reason: str = "") -> Activation:
        """Put a pack in force that one person proposed and another one approved. Servers follow within a second.

        Raises:
            ApprovalRequired: nobody else approved exactly this pack.
            Conflict: it is in force, or not in effect today.
        """
        shelved = self.one(ref)
        self._check_promotable(shelved)
        with self._database.transaction() as db:
            approval = self._approvals.take(db, PROMOTE, shelved.title, shelved.digest)
            before = store.read_activation(db)
            activation = Activation(
                digest=shelved.digest,
                back_to=None if before is None else before.number,
                kind="promote",
                approval=approval.id,
                done_by=by,
                reason=reason or approval.proposed.reason,
                at_ms=self._clock.now_ms(),
            )
            return _put_in_force(db, activation)

    def rollback(self, *, by: str, reason: str) -> Activation:
        """Put the pack in force again that was before the one that is. It needs one person, and no second look.

        Raises:
            Conflict: nothing was promoted.
        """
        with self._database.transaction() as db:
            current = store.read_activation(db)
            if current is None or current.digest is None:
                raise Conflict("no pack is in force, so there is none to go back from")
            before = None if current.back_to is None else store.read_activation(db, current.back_to)
            activation = Activation(
                digest=None if before is None else before.digest,
                back_to=None if before is None else before.back_to,
                kind="rollback",
                done_by=by,
                reason=reason,
                at_ms=self._clock.now_ms(),
            )
            return _put_in_force(db, activation)

    def try_out(self, ref: str, *, by: str) -> Trial:
        """Let a candidate run beside the pack in force; it decides nothing, and what it would change is counted."""
        with self._database.transaction() as db:
            shelved = _one(db, ref)
            now_ms = self._clock.now_ms()
            store.write_trial_end(db, now_ms)
            store.write_trial(db, shelved.digest, by=by, at_ms=now_ms)
            bump(db, ROOM)
            trial = store.read_trial(db)
            assert trial is not None, "it was written a moment ago"
            return trial

    def end_trial(self) -> Trial | None:
        """Let no candidate run; returns the one that did."""
        with self._database.transaction() as db:
            trial = store.read_trial(db)
            if trial is not None:
                store.write_trial_end(db, self._clock.now_ms())
                bump(db, ROOM)
            return trial

    def trial(self) -> Trial | None:
        """Say which candidate runs, or ran last."""
        with self._database.reading() as db:
            return store.read_last_trial(db)

    def differences(self, trial: Trial, limit: int = 200) -> tuple[Difference, ...]:
        """List what a candidate would have decided otherwise, the most frequent first."""
        with self._database.reading() as db:
            return tuple(store.read_differences(db, trial.number, limit=limit))

    def facts(self, digests: Sequence[str]) -> dict[str, Facts]:
        """Read what was judged, by the digests that records name; what is not kept is left out."""
        with self._database.reading() as db:
            return store.read_facts(db, digests)

    def _check_promotable(self, shelved: Shelved) -> None:
        now = self.in_force()
        if now is not None and now.digest == shelved.digest:
            raise Conflict(f"{shelved.title} is in force already")
        manifest = self.pack(shelved.digest).manifest
        today = f"{date_time(self._clock.now_ms()):%Y-%m-%d}"
        if today < manifest.effective_from or (manifest.effective_until and today > manifest.effective_until):
            until = manifest.effective_until or "further notice"
            raise Conflict(f"{shelved.title} is in effect from {manifest.effective_from} until {until}, not today")


def checked(files: Mapping[str, bytes]) -> Pack:
    """Read a pack and run its vectors.

    Raises:
        PackRefused: it does not load, or a vector does not come out.
    """
    pack = read_pack(files)
    check(pack)
    return pack


def statement_of(pack: Pack) -> signing.Statement:
    """Say what a signature of a pack is over."""
    return signing.Statement(name=pack.manifest.name, version=pack.manifest.version, digest=pack.digest)


def shipped_files(name: str) -> dict[str, bytes]:
    """Read the files of an example pack.

    Raises:
        NotFound: there is none of this name.
    """
    if name not in shipped():
        raise NotFound(f"no pack {name!r} comes with Courtyard; there are {', '.join(shipped())}")
    return read_files(SHIPPED / name)


def _one(db: Connection, ref: str) -> Shelved:
    packs = store.read_packs(db)
    named = [pack for pack in packs if ref in (pack.title, pack.digest)]
    newest = sorted((pack for pack in packs if pack.name == ref), key=_version)
    begun = [pack for pack in packs if len(ref) >= 8 and pack.digest.startswith(ref)]
    for found in (named, newest[-1:], begun):
        if len(found) == 1:
            return found[0]
    raise NotFound(
        f"there is no pack {ref!r} here; `courtyard policy list` shows them, `courtyard policy import` brings one"
    )


def _version(pack: Shelved) -> tuple[int, ...]:
    return tuple(int(part) for part in pack.version.split("."))


def _put_in_force(db: Connection, activation: Activation) -> Activation:
    store.write_activation(db, activation)
    bump(db, ROOM)
    written = store.read_activation(db)
    assert written is not None, "it was written a moment ago"
    return written

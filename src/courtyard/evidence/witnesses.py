"""Asks witnesses to sign checkpoints (c2sp.org/tlog-witness), each from the size that it has seen."""

from typing import NamedTuple
from urllib.parse import urlsplit

from courtyard.core.errors import CourtyardError
from courtyard.evidence import checkpoints, notes
from courtyard.evidence.checkpoints import Submission
from courtyard.evidence.notary import Notary, Signed
from courtyard.evidence.notes import NoteInvalid, Signature, VerifierKey
from courtyard.http import Called, call

_ANSWER_S = 5.0


class WitnessRefused(CourtyardError):
    """A witness does not sign."""

    code = "witness_refused"
    status = 502


class Cosigner(NamedTuple):
    """Who is asked, and where."""

    key: VerifierKey
    url: str

    @classmethod
    def of(cls, setting: str) -> "Cosigner":
        """Read what the settings say.

        Raises:
            ValueError: it is no key and URL.
        """
        key, _, url = setting.strip().partition(" ")
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"settings: evidence.witnesses: write a witness's key, a space and its URL, not {setting!r}"
            )
        try:
            return cls(notes.read_key(key), url.strip().rstrip("/"))
        except NoteInvalid as error:
            raise ValueError(f"settings: evidence.witnesses: {error.message}") from error


def ask(witness: Cosigner, notary: Notary, signed: Signed, *, seen: int) -> Signature:
    """Have a witness sign a checkpoint, of which it has seen the first records, or say how many it has.

    Raises:
        WitnessRefused: it does not: it has seen another log, or a longer one, or does not know this one.
        CallFailed: it can't be reached.
    """
    called = _submit(witness, notary, signed, seen)
    if called.status == 409:
        has = _size(called.body)
        if has > signed.checkpoint.size:
            raise WitnessRefused(
                f"{witness.key.name} has signed {has} records of this log, and now it has {signed.checkpoint.size}"
            )
        called = _submit(witness, notary, signed, has)
    if called.status != 200:
        raise WitnessRefused(
            f"{witness.key.name} does not sign: {_REASONS.get(called.status, f'it answers {called.status}')}"
        )
    return _cosignature(witness, signed, called.body)


_REASONS = {
    404: "it does not know this log; its operator can tell it with `courtyard witness trust`",
    403: "it knows this log by another key",
    409: "it has signed another checkpoint of this size",
    422: "this is not a longer version of the log that it has seen",
}


def _submit(witness: Cosigner, notary: Notary, signed: Signed, seen: int) -> Called:
    submission = Submission(seen, notary.consistency(signed, seen), notes.read(signed.note))
    host = urlsplit(witness.url).hostname or ""
    body = checkpoints.write_submission(submission)
    headers = {"content-type": "text/plain; charset=utf-8"}
    url = f"{witness.url}/add-checkpoint"
    # The operator named it, and it may well stand in a network of theirs.
    return call(url, body=body, headers=headers, seconds=_ANSWER_S, private_hosts={host})


def _size(body: bytes) -> int:
    try:
        return checkpoints.read_number(body.decode("ascii", "replace").removesuffix("\n"))
    except NoteInvalid as error:
        raise WitnessRefused("a witness answers 409 without the size that it has seen") from error


def _cosignature(witness: Cosigner, signed: Signed, body: bytes) -> Signature:
    """Take the witness's own signature out of its answer."""
    text = notes.read(signed.note).text
    try:
        answered = notes.read(f"{text}\n{body.decode('utf-8', 'replace')}")
        found = notes.signed_by(answered, witness.key)
    except NoteInvalid:
        found = None
    if found is None:
        raise WitnessRefused(f"{witness.key.name} answers with no signature of its own")
    return found

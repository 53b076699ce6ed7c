"""Files labelled and looked at: the format's own way, with content credentials where it can carry them."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.labels import drawing, rules, sound, words
from courtyard.labels.credentials import Signer
from courtyard.labels.formats import BYTES_MAX, Format, Found, Unreadable, Unwritable, format_of
from courtyard.labels.model import (
    Aigc,
    Checked,
    Credentials,
    Labelled,
    Manifest,
    Origin,
    Profile,
    Verdict,
    Visible,
)

_PICTURES = ("png", "jpeg", "webp")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is to be labelled."""

    origin: Origin
    provider: str
    """Our own code."""
    id: str
    """Our number for the content."""
    is_given: bool
    """Whether the number was given, and not made for this."""
    profile: Profile
    language: str
    model: str
    visible: bool
    """Whether people are to see it."""
    credentials: bool
    """Whether content credentials are signed, where the format can carry them."""
    replace: bool
    """Whether a label that is there is thrown away."""


def check(data: bytes, name: str, signer: Signer, profile: Profile) -> Checked:
    """Look at a file. Whatever is in it, there is an answer; what can't be read to its end is inconclusive."""
    format = format_of(data, name) if len(data) <= BYTES_MAX else None
    unsure = Checked(verdict=Verdict.INCONCLUSIVE, reason="", format=format.name if format else "", profile=profile)
    if format is None:
        why = "the format is none that is known here" if len(data) <= BYTES_MAX else "the file is too large"
        return replace(unsure, reason=why)
    try:
        found = format.find(data)
    except Unreadable as error:
        return replace(unsure, reason=str(error))
    return rules.judge(
        format=format.name,
        profile=profile,
        copies=found.copies,
        visible=_visible(found),
        manifest=signer.read(data, format.media_type) if format.has_credentials else Manifest(),
        can_sign=format.has_credentials,
    )


def add(data: bytes, name: str, signer: Signer, wanted: Wanted) -> Labelled:
    """Label a file, or leave every byte of it where it carries this very label.

    Raises:
        InvalidRequest: its format is none that can be labelled, it is damaged, or too large.
        Conflict: it carries labels that contradict each other, or one that is wrong.
    """
    if len(data) > BYTES_MAX:
        raise InvalidRequest(f"{name or 'the file'} is larger than {BYTES_MAX >> 20} MiB")
    format = format_of(data, name)
    if format is None:
        raise InvalidRequest(f"{name or 'the file'} is of no format that can be labelled; see docs/guides/labels.md")
    try:
        return _add(data, format, signer, wanted)
    except (Unreadable, Unwritable, ValueError) as error:
        raise InvalidRequest(f"{name or 'the file'} can't be labelled: {error}") from error


def _add(data: bytes, format: Format, signer: Signer, wanted: Wanted) -> Labelled:
    found = format.find(data)
    before = signer.read(data, format.media_type) if format.has_credentials else Manifest()
    aigc = _label(found.copies, wanted)
    is_written = len(found.copies) == 1 and _is_label(found.copies[0], aigc)
    is_shown = not _must_show(found, format, wanted)
    is_signed = not (wanted.credentials and format.has_credentials) or before.state is Credentials.TRUSTED
    if (is_written or format.put is None) and is_shown and is_signed:
        return _labelled(data, format, found, before, aigc, changed=False)
    made = data if is_shown else _shown(data, format, wanted)
    if format.put is not None:
        made = format.put(made, rules.write(aigc))
    if wanted.credentials and format.has_credentials:
        parent = data if before.state is not Credentials.NONE else None
        made = signer.signed(made, format.media_type, aigc, model=wanted.model, before=parent)
    after, written = signer.read(made, format.media_type) if format.has_credentials else Manifest(), format.find(made)
    if format.put is not None and len(written.copies) != 1:
        raise Unwritable("a label stands in it where it can't be taken out")
    return _labelled(made, format, written, after, aigc, changed=True)


def _labelled(data: bytes, format: Format, found: Found, manifest: Manifest, aigc: Aigc, *, changed: bool) -> Labelled:
    return Labelled(
        data=data,
        format=format.name,
        changed=changed,
        label=aigc if format.put is not None else None,
        visible=_visible(found),
        credentials=manifest.state,
    )


def _label(copies: Sequence[str], wanted: Wanted) -> Aigc:
    """Decide which label a file is to carry: a new one, its own, or its own with who passes it on."""
    new = Aigc(label=wanted.origin, propagator=wanted.provider, propagate_id=wanted.id)
    if wanted.origin is Origin.GENERATED:
        new = replace(new, producer=wanted.provider, produce_id=wanted.id)
    if not copies or wanted.replace:
        return new
    try:
        read = [rules.read(text) for text in copies]
    except rules.Malformed as error:
        raise Conflict(f"it carries a label that can't be read ({error}); --replace writes a new one") from error
    if any(wrong for _, wrong in read):
        reason = next(wrong[0] for _, wrong in read if wrong)
        raise Conflict(f"it carries a label that is wrong ({reason}); --replace writes a new one")
    if len({msgspec.json.encode(aigc) for aigc, _ in read}) > 1:
        raise Conflict("it carries labels that contradict each other; --replace writes a new one")
    old = read[0][0]
    is_ours = old.producer == wanted.provider and (not wanted.is_given or old.produce_id == wanted.id)
    is_passed = old.propagator == wanted.provider and (not wanted.is_given or old.propagate_id == wanted.id)
    if is_ours or is_passed:
        return old
    return rules.passed_on(old, propagator=wanted.provider, propagate_id=wanted.id)


def _is_label(text: str, aigc: Aigc) -> bool:
    try:
        return rules.read(text) == (aigc, [])
    except rules.Malformed:
        return False


def _must_show(found: Found, format: Format, wanted: Wanted) -> bool:
    """Whether people have yet to be shown a label. What is drawn or spoken was when the metadata was written."""
    if not wanted.visible or not (format.show or format.name in (*_PICTURES, "wav")):
        return False
    seen = _visible(found)
    return not found.copies if seen is Visible.UNKNOWN else seen is Visible.MISSING


def _shown(data: bytes, format: Format, wanted: Wanted) -> bytes:
    notice, title = words.notice(wanted.language, wanted.profile), words.wording_of(wanted.language).title
    if format.name in _PICTURES:
        return drawing.drawn(data, format.name, notice)
    if format.name == "wav":
        return sound.sounded(data, notice, title)
    assert format.show is not None, "only a format that can be shown is"
    return format.show(data, notice, title)


def _visible(found: Found) -> Visible:
    return Visible.UNKNOWN if found.lines is None else words.seen_in(found.lines)

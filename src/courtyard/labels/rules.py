"""What a label must be, what a look at one means, and how an answer states its own."""

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from courtyard.labels.model import Aigc, Checked, Credentials, Manifest, Origin, Profile, Stated, Verdict, Visible

KEY = "AIGC"
JSON_BYTES_MAX = 64 * 1024
_VALUE_LENGTH_MAX = 8192
_FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(Aigc))
_PRINTABLE = re.compile(r"[\x21-\x7e]*")
_CODE = re.compile(r"0011([0-9A-Z]{18})[0-9A-Z]{5}|[0-9A-Z]{4}([0-9A-Z]{18})")
"""A provider's code with a unified social credit code inside; codes of 22 and of 27 characters are both in use."""

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_LENGTH = 18

AI_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's word for what a trained model made; C2PA and the EU's code of practice use it."""
AI_SOURCES = frozenset(
    f"http://cv.iptc.org/newscodes/digitalsourcetype/{word}"
    for word in ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic")
) | {"http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"}


class Malformed(ValueError):
    """Something is there that ought to be a label and can't be read as one."""


def is_uscc(code: str) -> bool:
    """Whether the check character of a unified social credit code fits (GB 32100-2015: weights 3^i modulo 31)."""
    if len(code) != _USCC_LENGTH or any(letter not in _USCC for letter in code):
        return False
    total = sum(_USCC.index(letter) * pow(3, at, 31) for at, letter in enumerate(code[:-1]))
    return _USCC[-total % 31] == code[-1]


def problems_of(aigc: Aigc) -> list[str]:
    """Say what is wrong with a label's values (GB 45438-2025, annex E)."""
    found = []
    for name, value in zip(_FIELDS, msgspec.structs.astuple(aigc), strict=True):
        if not _PRINTABLE.fullmatch(value):
            found.append(f"{name} has characters that are not single bytes from 0x21 to 0x7E")
        if len(value) > _VALUE_LENGTH_MAX:
            found.append(f"{name} is longer than {_VALUE_LENGTH_MAX} characters")
    if aigc.label not in tuple(Origin):
        found.append('Label is none of "1", "2" and "3"')
    is_new = aigc.label == Origin.GENERATED
    needed = ("ContentProducer", "ProduceID") if is_new else ("ContentPropagator", "PropagateID")
    values = dict(zip(_FIELDS, msgspec.structs.astuple(aigc), strict=True))
    found += [f"{name} is empty" for name in needed if not values[name]]
    if bool(aigc.propagator) != bool(aigc.propagate_id):
        found.append("ContentPropagator and PropagateID go together")
    codes = ("ContentProducer", "ContentPropagator")
    return found + [f"{name}: {wrong}" for name in codes if (wrong := _wrong(values[name]))]


def _wrong(code: str) -> str:
    """Say what is wrong with a provider's code that is laid out as one with a credit code inside."""
    laid_out = _CODE.fullmatch(code)
    uscc = laid_out and (laid_out[1] or laid_out[2])
    return f"the unified social credit code {uscc} has a wrong check character" if uscc and not is_uscc(uscc) else ""


def read(text: str) -> tuple[Aigc, list[str]]:
    """Read the JSON of a label, bare or under the name `AIGC`, and say what is wrong with it.

    Raises:
        Malformed: it is no JSON object of texts.
    """
    if len(text) > JSON_BYTES_MAX:
        raise Malformed("the label is too long")
    doubled: list[str] = []
    try:
        tree = json.loads(text.strip("\0 \t\r\n"), object_pairs_hook=lambda pairs: _object(pairs, doubled))
    except (ValueError, RecursionError) as error:
        raise Malformed("the label is no JSON") from error
    if isinstance(tree, dict) and list(tree) == [KEY]:
        tree = tree[KEY]
    return read_fields(tree, doubled)


def read_fields(tree: Any, doubled: Sequence[str] = ()) -> tuple[Aigc, list[str]]:
    """Take a label out of a mapping, or raise as `read` does."""
    if not isinstance(tree, dict):
        raise Malformed("the label is no object")
    problems = [f"{name} is there twice" for name in doubled]
    problems += [f"{name} is missing" for name in _FIELDS if name not in tree]
    problems += [f"{name!r:.80} is no field of a label" for name in tree if name not in _FIELDS]
    problems += [f"{name} is no text" for name in _FIELDS if not isinstance(tree.get(name, ""), str)]
    values = {name: tree.get(name) for name in _FIELDS}
    texts = {name: value if isinstance(value, str) else "" for name, value in values.items()}
    aigc = msgspec.convert(texts, Aigc)
    return aigc, problems + [problem for problem in problems_of(aigc) if not _said(problem, problems)]


def _said(problem: str, problems: Sequence[str]) -> bool:
    """Whether a field that is reported as missing is reported as empty once more."""
    name = problem.partition(" ")[0]
    return problem.endswith(" is empty") and any(other.startswith(f"{name} is ") for other in problems)


def _object(pairs: list[tuple[str, Any]], doubled: list[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in pairs:
        if name in tree:
            doubled.append(f"{name!r:.80}")
        tree[name] = value
    return tree


def write(aigc: Aigc) -> str:
    """Write a label as the JSON that stands under the name `AIGC`."""
    return msgspec.json.encode(aigc).decode()


def passed_on(aigc: Aigc, *, propagator: str, propagate_id: str, label: Origin | None = None) -> Aigc:
    """Return the label as whoever passes the content on has to write it: the producer's fields stay (article 6)."""
    return replace(aigc, label=label or aigc.label, propagator=propagator, propagate_id=propagate_id)


def judge(
    *,
    format: str,
    profile: Profile,
    copies: Sequence[str],
    visible: Visible,
    manifest: Manifest,
    can_sign: bool,
) -> Checked:
    """Say whether what was found in a file meets a profile, and why.

    Two copies are one too many, even if they agree (GB 45438-2025, 6.1 c).
    """
    labels, problems = [], []
    try:
        for text in copies:
            aigc, wrong = read(text)
            labels.append(aigc)
            problems += wrong
    except Malformed as error:
        return Checked(
            verdict=Verdict.INCONCLUSIVE, reason=str(error), format=format, profile=profile, visible=visible,
            credentials=manifest.state, problems=manifest.problems,
        )  # fmt: skip
    if len(labels) > 1:
        problems.insert(0, f"there are {len(labels)} copies of the label; one is allowed (GB 45438-2025, 6.1 c)")
    verdict, reason = _verdict(profile, labels, problems, manifest, can_sign=can_sign)
    return Checked(
        verdict=verdict,
        reason=reason,
        format=format,
        profile=profile,
        labels=tuple(labels),
        visible=visible,
        credentials=manifest.state,
        problems=(*problems, *manifest.problems),
    )


def _verdict(
    profile: Profile, labels: Sequence[Aigc], problems: Sequence[str], manifest: Manifest, *, can_sign: bool
) -> tuple[Verdict, str]:
    says = f"content credentials say that a model made it ({manifest.state})"
    answers = (
        (manifest.state is Credentials.INVALID, Verdict.INCONCLUSIVE, "the content credentials don't fit the file"),
        (problems, Verdict.NON_COMPLIANT, "; ".join(problems[:1])),
        (labels and (profile is not Profile.EU or not can_sign), Verdict.COMPLIANT, "one label, and it is in order"),
        (manifest.generated and profile is not Profile.CN, Verdict.COMPLIANT, says),
        (labels, Verdict.NON_COMPLIANT, "there is a label, and no content credentials that say that a model made it"),
    )
    fitting = ((verdict, reason) for is_so, verdict, reason in answers if is_so)
    return next(fitting, (Verdict.NOT_FOUND, "there is no label"))


def state(profile: Profile, *, aigc: Aigc, model: str, notice: str, agreement: str = "") -> Stated:
    """Write what an answer says about itself: for machines in the header, for people and machines in the body."""
    name, id = profile.value, aigc.produce_id
    header = f"generated, profile={name}, model={_quoted(model)}, id={_quoted(id)}"
    field: dict[str, Any] = {"generated": True, "profile": name, "model": model, "id": id}
    if profile is not Profile.EU:
        header += f", label={_quoted(aigc.label)}, producer={_quoted(aigc.producer)}"
        field[KEY] = dict(zip(_FIELDS, msgspec.structs.astuple(aigc), strict=True))
    if profile is not Profile.CN:
        field["digital_source_type"] = AI_SOURCE
    if agreement:
        header += ", visible=?0"
    field["notice"] = "" if agreement else notice
    return Stated(header=header, field=field, record=f"unlabelled:{agreement}" if agreement else name)


def _quoted(text: str) -> str:
    """Write a string of RFC 9651; what it can't hold is left as a question mark."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def code(text: str, *, what: str) -> str:
    """Return a code as a label may carry it.

    Raises:
        ValueError: it has other characters than 0x21 to 0x7E, is empty, or its credit code is wrong.
    """
    if not text or not _PRINTABLE.fullmatch(text) or len(text) > _VALUE_LENGTH_MAX:
        raise ValueError(f"{what} must be letters, digits and signs without a space (0x21 to 0x7E), not {text!r:.80}")
    if wrong := _wrong(text):
        raise ValueError(f"{what}: {wrong}")
    return text

"""From a pack's files to a pack: strict YAML, and nothing that is left open."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import date

import msgspec

from courtyard import strict_yaml
from courtyard.core.admission import Obligation
from courtyard.core.errors import InvalidRequest
from courtyard.policy.cedar import Text
from courtyard.policy.facts import Facts
from courtyard.policy.files import digest_of, inner, text_of
from courtyard.policy.pack import (
    Confidence,
    Duty,
    Label,
    Manifest,
    Outcome,
    Pack,
    PackRefused,
    Parameter,
    Purpose,
    Report,
    Shape,
    Taxonomy,
    Vector,
    day_of,
)
from courtyard.strict_yaml import Field

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
_VERSION = re.compile(r"(?:0|[1-9]\d{0,5})\.(?:0|[1-9]\d{0,5})\.(?:0|[1-9]\d{0,5})")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FLAGS = {"yes": True, "no": False}
_ASKED = {"mask": ("reversible", "irreversible"), "log": ("full", "normal"), "dual_approval": ("",)}
"""What obligations of these names may say; a label names a profile of the pack, and a notice its channel."""
_NUMBER_MAX = 2**53
_VECTORS_MAX = 2000


def read_pack(files: Mapping[str, bytes]) -> Pack:
    """Read a pack that is whole: every name that is used in it is explained in it.

    Raises:
        PackRefused: something is missing, misspelt, or says what makes no sense; the file and the line are named.
    """
    manifest = _manifest(_yaml(files, "manifest.yaml"))
    taxonomy = _taxonomy(_yaml(files, "taxonomy.yaml"))
    parameters = tuple(_parameter(name, field) for name, field in _named(files, "parameters.yaml"))
    labels = tuple(_label(name, _yaml(files, name)) for name in inner(files, "labels"))
    duties = tuple(_duty(key, field, labels) for key, field in _named(files, "obligations.yaml"))
    cedar = text_of(files, "policies.cedar")
    text = Text(cedar, parameters)
    pack = Pack(
        manifest=manifest,
        taxonomy=taxonomy,
        parameters=parameters,
        rules=text.rules,
        duties=duties,
        labels=labels,
        reports=tuple(_report(name, _yaml(files, name), parameters) for name in inner(files, "reports")),
        vectors=_vectors(text_of(files, "vectors.jsonl"), manifest),
        cedar=cedar,
        digest=digest_of(files),
    )
    _check_duties(pack)
    _check_vectors(pack)
    return pack


def _yaml(files: Mapping[str, bytes], name: str) -> "_Named":
    text = text_of(files, name)
    try:
        return _Named(name, strict_yaml.read(text))
    except InvalidRequest as error:
        raise PackRefused(f"{name}: {error.message}") from error


class _Named:
    """A YAML file that says its name in whatever it refuses."""

    def __init__(self, name: str, field: Field) -> None:
        self.name = name
        self.field = field

    def fields(self, *known: str, needed: tuple[str, ...] = ()) -> dict[str, str]:
        """Read a mapping of texts."""
        try:
            found = self.field.fields(*known, needed=needed)
            return {name: field.text().strip() for name, field in found.items()}
        except InvalidRequest as error:
            raise PackRefused(f"{self.name}: {error.message}") from error

    def below(self, *known: str) -> dict[str, "_Named"]:
        """Read a mapping of whatever stands below."""
        try:
            return {name: _Named(self.name, field) for name, field in self.field.fields(*known).items()}
        except InvalidRequest as error:
            raise PackRefused(f"{self.name}: {error.message}") from error

    def words(self) -> tuple[str, ...]:
        """Read a list of words, each once."""
        try:
            words = tuple(item.text() for item in self.field.items())
        except InvalidRequest as error:
            raise PackRefused(f"{self.name}: {error.message}") from error
        if len(set(words)) != len(words):
            raise self.wrong("a word is given twice")
        return words

    def text(self) -> str:
        try:
            return self.field.text()
        except InvalidRequest as error:
            raise PackRefused(f"{self.name}: {error.message}") from error

    def wrong(self, what: str) -> PackRefused:
        """Make a refusal that says where it stands."""
        return PackRefused(f"{self.name}: {self.field.wrong(what).message}")


def _named(files: Mapping[str, bytes], name: str) -> list[tuple[str, _Named]]:
    return list(_yaml(files, name).below().items())


def _manifest(file: _Named) -> Manifest:
    needed = ("name", "version", "title", "jurisdiction", "effective_from", "notice")
    said = file.fields(*needed, "effective_until", needed=needed)
    if not _NAME.fullmatch(said["name"]):
        raise file.wrong(f"{said['name']!r} is no pack's name: small letters, digits and dashes")
    if not _VERSION.fullmatch(said["version"]):
        raise file.wrong(f"{said['version']!r} is no semantic version such as 1.0.0")
    for name in ("effective_from", "effective_until"):
        if name in said:
            _check_date(file, said[name])
    manifest = Manifest(**said)
    if manifest.effective_until and manifest.effective_until < manifest.effective_from:
        raise file.wrong("it would end before it begins")
    return manifest


def _taxonomy(file: _Named) -> Taxonomy:
    said = file.below("sensitive", "purposes")
    sensitive = said["sensitive"].fields() if "sensitive" in said else {}
    purposes = said["purposes"].fields() if "purposes" in said else {}
    return Taxonomy(
        sensitive=sensitive, purposes=tuple(Purpose(name=name, says=says) for name, says in purposes.items())
    )


def _parameter(name: str, file: _Named) -> Parameter:
    needed = ("shape", "value", "says", "source", "article", "checked_on", "confidence")
    below = file.below(*needed, "unit", "note")
    if missing := [one for one in needed if one not in below]:
        raise file.wrong(f"{missing[0]} is missing: every figure says where it comes from and when that was checked")
    if not _PARAMETER.fullmatch(name):
        raise file.wrong(f"{name!r} is no parameter's name: small letters, digits and underscores")
    said = {key: below[key].text().strip() for key in below if key != "value"}
    _check_date(file, said["checked_on"])
    if said["shape"] not in list(Shape):
        raise below["shape"].wrong(f"a value is a {', '.join(Shape)}")
    if said["confidence"] not in list(Confidence):
        raise below["confidence"].wrong(f"confidence is {', '.join(Confidence)}")
    shape = Shape(said.pop("shape"))
    confidence = Confidence(said.pop("confidence"))
    return Parameter(name=name, shape=shape, value=_value(below["value"], shape), confidence=confidence, **said)


def _value(file: _Named, shape: Shape) -> int | bool | str | tuple[str, ...]:
    match shape:
        case Shape.NUMBER:
            try:
                number = file.field.whole()
            except InvalidRequest as error:
                raise PackRefused(f"{file.name}: {error.message}") from error
            if number > _NUMBER_MAX:
                raise file.wrong("it is too large a number")
            return number
        case Shape.FLAG:
            if file.text() not in _FLAGS:
                raise file.wrong("a flag is yes or no")
            return _FLAGS[file.text()]
        case Shape.DATE:
            _check_date(file, file.text())
            return file.text()
        case Shape.WORD:
            return file.text()
        case Shape.WORDS:
            return file.words()


def _check_date(file: _Named, text: str) -> None:
    try:
        date.fromisoformat(text)
        day_of(text)
    except ValueError as error:
        raise file.wrong(f"{text!r} is no date such as 2026-12-02") from error


def _label(name: str, file: _Named) -> Label:
    needed = ("profile", "says", "article", "source")
    said = file.fields(*needed, needed=needed)
    if name != f"labels/{said['profile']}.yaml":
        raise file.wrong(f"it holds profile {said['profile']!r}, which belongs in labels/{said['profile']}.yaml")
    return Label(**said)


def _report(name: str, file: _Named, parameters: Collection[Parameter]) -> Report:
    below = file.below("title", "article", "parameters")
    if missing := [one for one in ("title", "article") if one not in below]:
        raise file.wrong(f"{missing[0]} is missing")
    stated = below["parameters"].words() if "parameters" in below else ()
    known = {parameter.name for parameter in parameters}
    for one in stated:
        if one not in known:
            raise below["parameters"].wrong(f"the pack has no parameter {one!r}")
    title, article = below["title"].text(), below["article"].text()
    return Report(
        name=name.removeprefix("reports/").removesuffix(".yaml"), title=title, article=article, parameters=stated
    )


def _duty(key: str, file: _Named, labels: Collection[Label]) -> Duty:
    said = file.fields("name", "value", "article", "says", needed=("name", "article", "says"))
    name, value = said["name"], said.get("value", "")
    allowed = dict(_ASKED) | {"label": tuple(label.profile for label in labels)}
    if name not in (*allowed, "notify"):
        raise file.wrong(f"there is no obligation {name!r}; there are {', '.join((*allowed, 'notify'))}")
    if name in allowed and value not in allowed[name]:
        raise file.wrong(f"{name} is {' or '.join(repr(one) for one in allowed[name]) or 'unknown'}, not {value!r}")
    if name == "notify" and not _NAME.fullmatch(value):
        raise file.wrong("notify names a channel: small letters, digits and dashes")
    return Duty(key=key, obligation=Obligation(name, value), article=said["article"], says=said["says"])


def _vectors(text: str, manifest: Manifest) -> tuple[Vector, ...]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > _VECTORS_MAX:
        raise PackRefused(f"vectors.jsonl has more than {_VECTORS_MAX:,} vectors")
    return tuple(_vector(number, line, day_of(manifest.effective_from)) for number, line in lines)


def _vector(number: int, line: str, day: int) -> Vector:
    try:
        said = json.loads(line)
        facts = {"organisation": "org", "day": day, **said.pop("facts")}
        if isinstance(facts["day"], str):
            facts["day"] = day_of(facts["day"])
        unknown = facts.keys() - set(Facts.__struct_fields__)
        if unknown:
            raise ValueError(f"there is no fact {sorted(unknown)[0]!r}; there are {', '.join(Facts.__struct_fields__)}")
        return msgspec.convert({**said, "line": number, "facts": msgspec.convert(facts, Facts)}, Vector)
    except (ValueError, KeyError, TypeError, AttributeError, msgspec.ValidationError, RecursionError) as error:
        raise PackRefused(f"vectors.jsonl, line {number}: {error}") from error


def _check_duties(pack: Pack) -> None:
    """See that rules ask only for duties that are explained."""
    keys = {duty.key for duty in pack.duties}
    for rule in pack.rules:
        for key in rule.duties:
            if key not in keys:
                raise PackRefused(f"policies.cedar: {rule.id} asks for {key!r}, which is not in obligations.yaml")


def _check_vectors(pack: Pack) -> None:
    """See that each rule has a vector that allows and one that denies, before any is run."""
    ids = {rule.id for rule in pack.rules}
    told = {(vector.rule, vector.verdict is Outcome.DENY) for vector in pack.vectors}
    for vector in pack.vectors:
        if vector.rule not in ids:
            raise PackRefused(f"vectors.jsonl, line {vector.line}: there is no rule {vector.rule!r}")
    for rule in pack.rules:
        for denies, word in ((False, "allows"), (True, "denies")):
            if (rule.id, denies) not in told:
                raise PackRefused(f"vectors.jsonl: rule {rule.id!r} has no vector that {word}; each rule needs both")

"""What a catalogue holds to: names, and what follows from a model's facts."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from courtyard.catalogue.model import CatalogueSettings, Option, ShelfModel
from courtyard.core.chat import Kind
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName

CONTEXT_TOKENS_DEFAULT = 8192
"""What a server's model is taken to have when nobody says."""

_TOKENS_MAX_DEFAULT = 4096
_CONTEXT_TOKENS_LEAST = 64
_WEIGHT_MAX = 1000
_ENGINE_BYTES = 100_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,119}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,180}")
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,120}")
_PATH = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._+-]{0,180}/){0,8}[A-Za-z0-9][A-Za-z0-9._+-]{0,180}")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,120}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME_LENGTH_LOOKED_AT = 120


def clean_name(name: str, *, of: str = "a model") -> str:
    """Return a name that fits an address, a log and a price book, or refuse it."""
    if not _NAME.fullmatch(name := name.strip()):
        raise InvalidRequest(
            f"{name[:60]!r} can't name {of}: begin with a letter or digit, then letters, digits and ._:/@+-, "
            "120 characters at most"
        )
    return name


def clean_file(file: str) -> str:
    """Return a file name that stays in its directory, or refuse it."""
    if not _FILE.fullmatch(file) or ".." in file:
        raise InvalidRequest(f"{file[:60]!r} can't name a model's file")
    return file


def clean_environment(name: str) -> str:
    """Return the name of an environment variable, or refuse what is no name: it may be a key by mistake."""
    if not _ENVIRONMENT.fullmatch(name):
        raise InvalidRequest("give the name of the environment variable that holds the key, not the key itself")
    return name


def clean_sha256(digest: str) -> str:
    """Return a digest in lower case, or refuse it."""
    if not _SHA256.fullmatch(digest := digest.strip().lower().removeprefix("sha256:")):
        raise InvalidRequest("a SHA-256 has 64 hexadecimal digits")
    return digest


def check_repository(repo: str, file: str, revision: str) -> None:
    """Refuse what could lead an address out of its repository."""
    if not _REPO.fullmatch(repo):
        raise InvalidRequest(f"{repo[:60]!r} names no repository; write OWNER/NAME")
    if not _PATH.fullmatch(file) or ".." in file:
        raise InvalidRequest(f"{file[:60]!r} names no file of a repository")
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise InvalidRequest(f"{revision[:60]!r} names no revision")


def check_weight(weight: int) -> None:
    """Refuse a share of the load that is none."""
    if not 1 <= weight <= _WEIGHT_MAX:
        raise InvalidRequest(f"a weight is between 1 and {_WEIGHT_MAX}")


def check_context(tokens: int) -> None:
    """Refuse a context that no request fits."""
    if tokens < _CONTEXT_TOKENS_LEAST:
        raise InvalidRequest(f"a context has at least {_CONTEXT_TOKENS_LEAST} tokens")


def tokens_max_default(context_tokens: int) -> int:
    """How long an answer may be when nobody says: long enough to be useful, and most of the context is the prompt's."""
    return min(_TOKENS_MAX_DEFAULT, max(context_tokens // 4, 1))


def context_of_a_request(options: Mapping[str, Option], settings: CatalogueSettings) -> int:
    """How much context a request has on an embedded engine: its slots share it."""
    context, slots = (options.get(name, getattr(settings, name)) for name in ("context_tokens", "slots"))
    return int(context) // max(int(slots), 1)


def changed(options: Mapping[str, Option], changes: Mapping[str, Option | None]) -> dict[str, Option]:
    """Take over what is said; nothing takes an option away."""
    return {name: value for name, value in ({**options, **changes}).items() if value is not None}


def same_role(some: frozenset[Kind], others: frozenset[Kind]) -> bool:
    """Whether two models do the same work: both write, or both only embed."""
    return (Kind.CHAT in some) == (Kind.CHAT in others)


def kinds_of(architecture: str, *, is_chat: bool) -> frozenset[Kind]:
    """What a pulled file can do, as far as it tells."""
    if "bert" in architecture:
        return frozenset({Kind.EMBEDDING})
    return frozenset({Kind.CHAT, Kind.COMPLETION} if is_chat else {Kind.COMPLETION})


def memory_of_file(bytes: int) -> int:
    """What an engine holds beside the context: the weights, and about a sixth more for its work."""
    return bytes + bytes // 6 + _ENGINE_BYTES


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant: one that begins so, or else one that looks alike."""
    asked = name[:_NAME_LENGTH_LOOKED_AT].casefold()
    folded = {candidate.casefold(): candidate for candidate in names}
    begin_so = [candidate for candidate in folded if len(asked) >= 3 and candidate.startswith(asked)]
    near = begin_so or get_close_matches(asked, folded, n=1)
    return folded[near[0]] if near else None


def on_shelf(shelf: Iterable[ShelfModel], name: str) -> ShelfModel | None:
    """Find a model of the shelf by its name or by an alias it comes with."""
    return next((model for model in shelf if name == model.name or name in model.aliases), None)


def name_of_file(file: str) -> ModelName:
    """Name a model after its file: `Some-Model.Q4_K_M.gguf` is `some-model.q4_k_m`."""
    return ModelName(clean_name(file.rpartition("/")[2].removesuffix(".gguf").lower()))


def plain(text: str) -> str:
    """Turn an address into a name: `localhost:8000` is `localhost-8000`."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.") or "engine"


def apart(name: str, taken: Iterable[str]) -> str:
    """Add a number to a name that is taken."""
    names = set(taken)
    numbered = (f"{name}-{number}" for number in range(2, len(names) + 3))
    return name if name not in names else next(other for other in numbered if other not in names)

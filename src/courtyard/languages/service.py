"""Finds the languages that are installed, and the one that a reader wants."""

from collections.abc import Iterable, Mapping
from typing import Self

import msgspec

from courtyard import plugins
from courtyard.languages.model import Language

FALLBACK = "en"

_ACCEPTED_LENGTH_MAX = 1000


class Languages:
    """Every installed language. A string that one lacks is said in English."""

    def __init__(self, languages: Iterable[Language]) -> None:
        named = {language.code: language for language in languages}
        self._fallback = named[FALLBACK]
        self._named = {code: _completed(language, self._fallback) for code, language in named.items()}

    @classmethod
    def installed(cls) -> Self:
        """Load every language that is registered as `courtyard.languages`.

        Raises:
            RuntimeError: an entry point does not name a `Language`.
        """
        found = plugins.load("languages")
        for name, language in found.items():
            if not isinstance(language, Language):
                raise RuntimeError(f"language plugin {name!r} is a {type(language).__name__}, not a Language")
        return cls(language for language in found.values() if isinstance(language, Language))

    @property
    def all(self) -> tuple[Language, ...]:
        """Every language, English first and the others by code."""
        others = sorted(code for code in self._named if code != FALLBACK)
        return tuple(self._named[code] for code in (FALLBACK, *others))

    def __contains__(self, code: str) -> bool:
        return code in self._named

    def pick(self, chosen: str | None, accepted: str | None) -> Language:
        """Return the language that was chosen, else the best that the browser accepts, else English.

        `accepted` is an `Accept-Language` header; what can't be read in it is passed over.
        """
        if chosen in self._named:
            return self._named[chosen]
        for wanted in _ranked(accepted or ""):
            found = self._nearest(wanted)
            if found is not None:
                return found
        return self._fallback

    def _nearest(self, wanted: str) -> Language | None:
        """Find `zh-hans-cn` as itself, as `zh-hans`, or as `zh`."""
        by_lower = {code.lower(): language for code, language in self._named.items()}
        parts = wanted.lower().split("-")
        for length in range(len(parts), 0, -1):
            found = by_lower.get("-".join(parts[:length]))
            if found is not None:
                return found
        return None


def _ranked(accepted: str) -> list[str]:
    """Order what a header asks for by its `q`, which is one thousandth or more, or nothing and then one."""
    weighed = []
    for part in accepted[:_ACCEPTED_LENGTH_MAX].split(","):
        name, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if name and weight > 0:
            weighed.append((weight, name.strip()))
    return [name for _, name in sorted(weighed, key=lambda pair: -pair[0])]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _completed(language: Language, fallback: Language) -> Language:
    strings: Mapping[str, str] = {**fallback.strings, **language.strings}
    return msgspec.structs.replace(language, strings=strings)

"""What documents say, in the buyer's language."""

import msgspec

from courtyard.billing.documents.wording.ar import ARABIC
from courtyard.billing.documents.wording.en import ENGLISH
from courtyard.billing.documents.wording.ru import RUSSIAN
from courtyard.billing.documents.wording.writing import LATIN_DIGITS, Writing
from courtyard.billing.documents.wording.zh import CHINESE

WRITINGS = {writing.code: writing for writing in (ENGLISH, CHINESE, ARABIC, RUSSIAN)}
FALLBACK = ENGLISH

_SEPARATORS_OF_LATIN = {
    "ar-AE": (",", "."),
    "ar-DZ": (".", ","),
    "ar-LY": (".", ","),
    "ar-MA": (".", ","),
    "ar-TN": (".", ","),
}
"""Where Arabic is written with 0 to 9, and what parts the thousands and the decimals there."""


def writing(language: str) -> Writing:
    """Return the writing of a BCP 47 language: its own, else its language's, else English."""
    found = WRITINGS.get(language) or WRITINGS.get(language.partition("-")[0].lower(), FALLBACK)
    if language in _SEPARATORS_OF_LATIN:
        group, point = _SEPARATORS_OF_LATIN[language]
        return msgspec.structs.replace(found, digits=LATIN_DIGITS, group=group, point=point)
    return found


__all__ = ["WRITINGS", "Writing", "writing"]

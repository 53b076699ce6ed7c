"""What is left of what a model says, after what it makes up is taken away."""

import re

from courtyard.privacy.english.lists import load
from courtyard.privacy.english.names import TITLES
from courtyard.privacy.english.places import gazetteer
from courtyard.privacy.english.words import CALENDAR, LITTLE, Span, Vocabulary

_SCORE = 0.5
_PARTS = re.compile(r"[\n()]")
_EDGE = " \t\"'“”‘’[]{}<>.,:;!?*#|/\\-–—_="
_OPENING = " \t\"'“‘(["
_POSSESSIVE = re.compile(r"['’]s$")
_ARTICLE = re.compile(r"(?:the|a|an)\s+", re.IGNORECASE)
_TITLE = re.compile(rf"(?:{'|'.join(sorted(TITLES))})\.?\s+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_COMPANY = re.compile(r"\s[A-Z]\.[A-Z]$")
_IN_CODE = re.compile(r"\w*[a-z](?:Error|Exception|Warning)|[a-z]+[A-Z]\w*")
_NEITHER = LITTLE | CALENDAR | load("abbreviations")


def checked(kind: str, text: str, start: int, end: int, vocabulary: Vocabulary) -> Span | None:
    """Return the part of what a model said that may be a person, an organisation or a place: nothing where none may."""
    said = text[start:end]
    for part in _PARTS.split(said):
        name = _trimmed(part)
        begin = start + said.index(name)
        if _may_be(kind, name, vocabulary, opens=_opens(text, begin)):
            return Span(_kind(kind, name, vocabulary), begin, begin + len(name), _SCORE)
    return None


def _trimmed(said: str) -> str:
    """Take away blanks, articles, titles and the 's of who owns something."""
    name = _POSSESSIVE.sub("", said.strip(_EDGE))
    for before in (_ARTICLE, _TITLE):
        match = before.match(name)
        name = name[match.end() :] if match else name
    return name.strip(_EDGE)


def _opens(text: str, position: int) -> bool:
    """Whether a sentence begins here, so that its capital says nothing."""
    return text[:position].rstrip(_OPENING)[-1:] in ("", *"\n.!?:")


def _kind(kind: str, name: str, vocabulary: Vocabulary) -> str:
    """A given name that is nothing else is a person's, whatever the model takes it for, and N.V. a company's."""
    if _COMPANY.search(name):
        return "organisation"
    person = vocabulary.is_given(name) and vocabulary.is_name(name) and name.lower() not in gazetteer()
    return "person" if person else kind


def _may_be(kind: str, name: str, vocabulary: Vocabulary, *, opens: bool) -> bool:
    words = _WORD.findall(name)
    if not any(sign.isalpha() for sign in name) or all(word.lower() in _NEITHER or word.isdigit() for word in words):
        return False
    ordinary = all(vocabulary.is_ordinary(word) or word.isdigit() for word in words)
    if kind == "person":
        said = opens and ordinary and len(words) == 1
        return (
            not said and not any(sign.isdigit() for sign in name) and any(_may_name(word, vocabulary) for word in words)
        )
    if kind == "organisation":
        shouted = name.isupper() and len(name) > 4
        said = ordinary and (len(words) == 1 or shouted)
        return any(sign.isupper() for sign in name) and not said and _IN_CODE.fullmatch(name) is None
    return not name[0].isdigit()


def _may_name(word: str, vocabulary: Vocabulary) -> bool:
    """Whether no dictionary has it, or it is a name in spite of that."""
    lower = word.lower()
    return not vocabulary.is_ordinary(word) or lower in vocabulary.given or lower in vocabulary.surnames

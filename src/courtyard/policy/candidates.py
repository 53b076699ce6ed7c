"""Where a request could run, as the catalogue knows it before any rule was asked."""

import msgspec

from courtyard.core.ids import HOME, ProviderId, Region


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of a model, and the regions where its engines for the model stand."""

    regions: frozenset[Region]
    provider: ProviderId = HOME
    tier: str = "home"
    """`home`, `allied` or `foreign`."""
    state: str = "admitted"
    """What the operator decided of the provider."""
    refusal: str = ""
    """Why it may not be asked at all just now, in words; nothing where it may."""
    jurisdiction: str = ""
    """Whose law its owner answers to."""
    purposes: frozenset[str] | None = None
    """What it may be used for; `None` is everything."""
    mask: str = ""
    """How prompts are masked for it, whatever the rules ask: `reversible`, `irreversible`, or nothing."""
    agreements: frozenset[str] = frozenset()
    filing: str = ""
    """The filing or registration number that is on file for it."""
    persons: int = 0
    """Distinct persons whose data went to its legal entity in this calendar year."""
    persons_left: int | None = None
    tokens_left: int | None = None
    requests_left: int | None = None
    """What its caps have left; `None` where there is no such cap."""

    @property
    def is_home(self) -> bool:
        """Whether the engines are the operator's own."""
        return self.tier == "home"

    @property
    def is_plain(self) -> bool:
        """Whether nothing is said of it but that the engines are the operator's own."""
        return self.provider == HOME and not (self.refusal or self.mask or self.purposes)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the always-on identifiers found in a request."""

    counts: dict[str, int] = {}
    """Kinds of personal data, and how often."""
    sensitive: bool = False


NOTHING = Seen()

"""Gathers what an audit finds, without drowning in it."""

from courtyard.ledger.model import Finding

_FINDINGS_MAX = 1000


class Findings:
    """The first thousand, and how many more there are."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._more = 0

    def add(self, check: str, where: str, what: str) -> None:
        """Note that something is not as it should be."""
        if len(self._found) < _FINDINGS_MAX:
            self._found.append(Finding(check=check, where=where, what=what))
        else:
            self._more += 1

    @property
    def all(self) -> tuple[Finding, ...]:
        if not self._more:
            return tuple(self._found)
        return (*self._found, Finding(check="more", where="everywhere", what=f"{self._more} more findings"))

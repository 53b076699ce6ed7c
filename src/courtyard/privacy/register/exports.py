"""Counts people whose data leaves, since 1 January, against the thresholds of the law."""

from courtyard.core.clock import Clock, date_time
from courtyard.privacy.register import rules, store
from courtyard.privacy.register.model import Counter, Exported, Figures
from courtyard.storage import Database

_KNOWN_MAX = 200_000


class Exports:
    """Distinct people a calendar year, not requests: splitting them up lowers no figure.

    China's rule counts so: Provisions on Promoting and Regulating Cross-border Data Flows (2024), articles 5, 7 and 8.
    A person of two organisations counts twice, since their digests are not told to be of the same one.
    """

    def __init__(self, database: Database, clock: Clock, figures: Figures) -> None:
        self._database = database
        self._clock = clock
        self._figures = figures
        self._known: set[tuple[str, str, int, str, bool]] = set()

    def knows(self, organisation: str, entity: str, who: str, *, sensitive: bool) -> bool:
        """Whether this process has counted somebody already this year: then there is nothing to note."""
        year = self._year()
        return any((organisation, entity, year, who, counted) in self._known for counted in (True, sensitive))

    def note(self, organisation: str, entity: str, who: str, *, sensitive: bool) -> None:
        """Count somebody, by their digest, whose data a legal entity received; it runs SQL, in a thread."""
        year, now_ms = self._year(), self._clock.now_ms()
        with self._database.transaction() as db:
            store.count_export(
                db, organisation=organisation, entity=entity, year=year, who=who, sensitive=sensitive, at_ms=now_ms
            )
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known.add((organisation, entity, year, who, sensitive))

    def counted(self, year: int | None = None, *, organisation: str | None = None) -> Exported:
        """Say how many it were, beside the thresholds of the pack in force with their sources and dates.

        An organisation that decides itself what its data is used for counts for itself; without one, the house counts.
        """
        asked = self._year() if year is None else year
        with self._database.reading() as db:
            people, sensitive, entities = store.read_exports(db, asked, organisation=organisation)
        used = {"export_people_": people, "export_sensitive_": sensitive}
        counters = tuple(
            Counter(limit=rules.limit(figure), used=used[prefix])
            for figure in self._figures.parameters()
            for prefix in used
            if figure.name.startswith(prefix)
        )
        return Exported(year=asked, people=people, sensitive=sensitive, entities=entities, counters=counters)

    def _year(self) -> int:
        return date_time(self._clock.now_ms()).year

"""Assurance's face: make packs, keep them, and find them again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import msgspec

from courtyard.assurance import paper, rules
from courtyard.assurance.model import Asked, Kept, Kind
from courtyard.assurance.questions import QUESTIONS
from courtyard.assurance.sources import Sources
from courtyard.core.clock import Clock, date_time
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.core.ids import new_id
from courtyard.evidence import Evidence, Filter, SealedReceipt

_INCIDENTS = frozenset(("gate_failed", "detector_failed"))
"""Errors that are incidents: a policy that could not decide, and a detector that could not look."""


class Assurance:
    """Evidence packs of one house. Making one reads the record, so call it from a thread."""

    def __init__(
        self,
        directory: Path,
        evidence: Evidence,
        clock: Clock,
        sources: Sources,
        *,
        receipts: Callable[[str], SealedReceipt | None] = lambda id: None,
    ) -> None:
        self._directory = directory
        self._evidence = evidence
        self._clock = clock
        self._sources = sources
        self._receipts = receipts

    def make(self, asked: Asked, *, progress: Callable[[int], None] = lambda count: None) -> Kept:
        """Make a pack, and keep it.

        Raises:
            InvalidRequest: a question is not answered, or the time is none.
            LogForked: the record is not the one that was vouched for.
            Unavailable: its cover could not be set.
        """
        questions = QUESTIONS[asked.kind]
        rules.check_answers(questions, asked.answers)
        if asked.since_ms >= asked.until_ms:
            raise InvalidRequest("a pack is of a time that ends after it begins")
        now_ms, id = self._clock.now_ms(), new_id("pack")
        figures = self._figures()
        policy = "" if self._sources.figures is None else self._sources.figures.pack
        said = rules.report(asked, self._facts(asked), questions=questions, policy=policy, figures=figures)
        kept = Kept(
            id=id,
            kind=asked.kind,
            title=rules.title_of(asked.kind),
            made_at_ms=now_ms,
            by=asked.by,
            from_ms=asked.since_ms,
            until_ms=asked.until_ms,
            organisation=asked.organisation,
            keep_until_ms=rules.keep_until(figures, now_ms),
        )
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._directory / f".{id}.unfinished"
        try:
            with unfinished.open("w+b") as file:
                self._evidence.pack(
                    file,
                    _filter(asked),
                    manifest=msgspec.to_builtins(kept),
                    report=lambda counts: said,
                    members=lambda report: {"cover.pdf": paper.cover(kept, report)},
                    receipts=self._receipts,
                    progress=progress,
                )
            unfinished.replace(self._directory / f"{id}.zip")
        finally:
            unfinished.unlink(missing_ok=True)
        return kept

    def list(self) -> tuple[Kept, ...]:
        """List the packs that are kept, newest first."""
        found = (_manifest(path) for path in sorted(self._directory.glob("pack_*.zip"), reverse=True))
        return tuple(kept for kept in found if kept is not None)

    def path(self, id: str) -> Path:
        """Say where a pack lies.

        Raises:
            NotFound: there is none.
        """
        path = self._directory / f"{id}.zip"
        if not id.removeprefix("pack_").isalnum() or not path.exists():
            raise NotFound(f"there is no pack {id!r}; see `courtyard assurance list`")
        return path

    def report(self, id: str) -> dict[str, Any]:
        """Read what a pack says, for machines.

        Raises:
            NotFound: there is none.
        """
        with ZipFile(self.path(id)) as archive:
            found: dict[str, Any] = json.loads(archive.read("report.json"))
            return found

    def _figures(self) -> tuple[dict[str, Any], ...]:
        figures = self._sources.figures
        return () if figures is None else tuple(msgspec.to_builtins(one) for one in figures.parameters())

    def _facts(self, asked: Asked) -> dict[str, Any]:
        match asked.kind:
            case Kind.PROCESSING | Kind.IMPACT:
                return self._processing(asked)
            case Kind.TRANSFER:
                return self._transfer(asked)
            case Kind.SAFETY:
                return self._safety(asked)
            case Kind.LABELS:
                return self._labels(asked)
            case Kind.INCIDENTS:
                return self._incidents(asked)

    def _processing(self, asked: Asked) -> dict[str, Any]:
        sources = self._sources
        return {
            "purposes": _of(sources.purposes and sources.purposes.list(), asked),
            "recipients": _plain(sources.recipients and sources.recipients.providers()),
            "retention": _of(sources.retentions and sources.retentions.rules(), asked),
        }

    def _transfer(self, asked: Asked) -> dict[str, Any]:
        sources = self._sources
        last = date_time(asked.until_ms - 1).year
        years = range(date_time(asked.since_ms).year, last + 1)
        exports = sources.exports
        return {
            "recipients": _plain(sources.recipients and sources.recipients.providers()),
            "counted": None
            if exports is None
            else [msgspec.to_builtins(exports.counted(year, organisation=asked.organisation)) for year in years],
        }

    def _safety(self, asked: Asked) -> dict[str, Any]:
        if self._sources.safety is None or not asked.run:
            raise InvalidRequest("a safety report is of one evaluation: name it with --run")
        safety = self._sources.safety
        return {
            "evaluation": msgspec.to_builtins(safety.report(asked.run)),
            "asked": [_item(item) for item in safety.items(asked.run)],
        }

    def _labels(self, asked: Asked) -> dict[str, Any]:
        labelling = self._sources.labelling
        if labelling is None:
            return {"registered": None, "agreements": None, "unlabelled": None}
        unlabelled = labelling.unlabelled(organisation=asked.organisation, limit=1_000_000)
        return {
            "registered": labelling.registered(),
            "agreements": _of(labelling.agreements(), asked),
            "unlabelled": _plain(_within(unlabelled, asked, "at_ms")),
        }

    def _incidents(self, asked: Asked) -> dict[str, Any]:
        sources = self._sources
        breaches = sources.breaches and sources.breaches.list()
        changes = sources.recipients and sources.recipients.changes()
        return {
            "breaches": _of(None if breaches is None else _within(breaches, asked, "noticed_at_ms"), asked),
            "kills": None
            if changes is None
            else _plain([one for one in _within(changes, asked, "at_ms") if one.action in ("kill", "restore")]),
        }


def _filter(asked: Asked) -> Filter:
    return Filter(
        since_ms=asked.since_ms,
        until_ms=asked.until_ms,
        organisation=asked.organisation,
        errors=_INCIDENTS if asked.kind is Kind.INCIDENTS else None,
        left_home=asked.kind is Kind.TRANSFER,
    )


def _plain(found: Any) -> Any:
    """Write nouns as JSON has them; what nobody could tell is null."""
    return None if found is None else msgspec.to_builtins(list(found))


def _item(item: Any) -> dict[str, Any]:
    """Say what became of a case of a bank, without its words: the answers are for judges alone."""
    words = [{"judge": word.judge, "outcome": str(word.outcome)} for word in item.judgements]
    return {"case": item.case.id, "request": item.request, "error": item.error, "judgements": words}


def _of(found: Any, asked: Asked) -> Any:
    """Write what is of the organisation that is asked about, and what is of all."""
    if found is None:
        return None
    return _plain([one for one in found if asked.organisation is None or one.organisation in ("", asked.organisation)])


def _within(found: Any, asked: Asked, moment: str) -> list[Any]:
    return [one for one in found if asked.since_ms <= getattr(one, moment) < asked.until_ms]


def _manifest(path: Path) -> Kept | None:
    """Read what a pack says of itself; nothing where it is none."""
    try:
        with ZipFile(path) as archive:
            return msgspec.json.decode(archive.read("manifest.json"), type=Kept)
    except (BadZipFile, KeyError, ValueError, OSError):
        return None

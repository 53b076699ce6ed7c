"""Policy packs on the bench: what of a changed pack does not come out, and what it would decide otherwise."""

from collections.abc import Mapping

import msgspec

from courtyard.console.rooms import ConsoleRooms
from courtyard.console.wall import DAY_MS
from courtyard.console.wall_view import newest
from courtyard.core.errors import NotFound
from courtyard.evidence import Filter
from courtyard.policy import (
    ENVELOPE,
    Difference,
    Judged,
    Judgement,
    PackRefused,
    Packs,
    Replay,
    failing,
    read_pack,
    replay,
    shipped,
    shipped_files,
)

REPLAYED_DAYS = 7
_FIRST = ("policies.cedar", "parameters.yaml", "vectors.jsonl", "manifest.yaml", "obligations.yaml", "taxonomy.yaml")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A vector, and what is wrong with it; nothing where it comes out."""

    line: int
    rule: str
    says: str
    problem: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a pack that somebody is writing."""

    title: str = ""
    problem: str = ""
    """Why it does not load; the file and the line are named."""
    rules: int = 0
    runs: tuple[Run, ...] = ()

    @property
    def is_good(self) -> bool:
        return not self.problem and not any(run.problem for run in self.runs)


def files_of(packs: Packs, ref: str) -> dict[str, bytes]:
    """Read a pack that was brought in, or an example. Runs SQL.

    Raises:
        NotFound: there is none.
    """
    try:
        return packs.files(ref)
    except NotFound:
        if ref not in shipped():
            raise
        return shipped_files(ref)


def texts_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Give a pack's files as texts to edit, those that are edited most first; a signature is not edited."""
    names = [name for name in _FIRST if name in files]
    names += sorted(name for name in files if name not in (*_FIRST, ENVELOPE))
    return {name: files[name].decode(errors="replace") for name in names}


def check(files: Mapping[str, bytes]) -> Checked:
    """Read a pack and run its vectors. Takes milliseconds, so call it from a thread."""
    try:
        pack = read_pack(files)
        judgement = Judgement(pack)
    except PackRefused as error:
        return Checked(problem=error.message)
    runs = (Run(line=one.line, rule=one.rule, says=one.says, problem=failing(judgement, one)) for one in pack.vectors)
    return Checked(title=pack.title, rules=len(pack.rules), runs=tuple(runs))


def replayed(rooms: ConsoleRooms, ref: str) -> Replay:
    """Ask a candidate what it makes of the newest requests on record of the last days. Runs SQL.

    Raises:
        NotFound: no pack is in force that it could be compared with.
    """
    wall, now_ms = rooms.wall, rooms.clock.now_ms()
    now = wall.packs.in_force()
    if now is None or now.digest is None:
        raise NotFound("no pack is in force that this one could be compared with")
    wall.gate.flush()
    records = newest(rooms.evidence, Filter(since_ms=now_ms - REPLAYED_DAYS * DAY_MS))
    return replay(
        (Judged(request=one.id, at_ms=one.at_ms, facts=one.facts) for one in records if one.facts),
        candidate=Judgement(read_pack(files_of(wall.packs, ref))),
        against=Judgement(wall.packs.pack(now.digest)),
        facts=wall.packs.facts,
    )


def told(difference: Difference) -> dict[str, str]:
    """Say of a difference whom it is about and by which rules."""
    facts = difference.facts
    return {
        "where": f"{facts.provider} ({facts.tier})",
        "purpose": facts.purpose,
        "now": ", ".join(difference.now.rules),
        "then": difference.failed if difference.then is None else ", ".join(difference.then.rules),
    }

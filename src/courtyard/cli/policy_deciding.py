"""`courtyard policy explain`, `dry-run` and `replay`: what packs decide, did decide, and would decide."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from courtyard.app import House
from courtyard.cli.approvals import decider_of
from courtyard.cli.common import AsJson, DataDir, err, open_house, out, print_json, print_table
from courtyard.cli.policy_shown import differences_table, show_explanation
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.evidence import Filter, Sealed
from courtyard.policy import (
    Explanation,
    Facts,
    Judged,
    Judgement,
    Pack,
    Replay,
    day_of,
    explain,
    read_files,
    read_pack,
    replay,
    shipped,
    shipped_files,
)

_PAGE = 1000
_DAY_MS = 86_400_000
_SETS = ("classes", "agreements", "home")

PackOption = Annotated[
    str | None, typer.Option("--pack", help="Ask this pack: name, digest, directory or archive; else the one in force.")
]
Candidate = Annotated[str, typer.Argument(metavar="PACK", help="A pack: name, digest, directory, archive or example.")]


def explain_(
    asked: Annotated[
        list[str],
        typer.Argument(metavar="REQUEST", help="A request's id, or facts: `tier=foreign purpose=translation`."),
    ],
    pack: PackOption = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Say which rules decided, by which articles, and the smallest change that would turn the answer."""
    with open_house(data_dir) as house:
        judgement = Judgement(pack_of(house, pack))
        facts = [_facts_said(house, asked)] if "=" in asked[0] else _facts_of_request(house, asked)
        explained = [explain(judgement, one) for one in facts]
    if json:
        print_json(explained if len(explained) > 1 else explained[0])
        return
    for one in explained:
        _head(one)
        show_explanation(one)


def dry_run(
    pack: Annotated[
        str | None, typer.Argument(metavar="PACK", help="A pack that was brought in; without one, what was found.")
    ] = None,
    *,
    by: Annotated[str | None, typer.Option(help="Who lets it run: a person's e-mail address or id.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Let it run no more.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many differences to show.")] = 50,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Let a candidate run beside the pack in force, on live traffic; it decides nothing. Or show what it found."""
    with open_house(data_dir) as house:
        if pack is not None:
            if by is None:
                raise InvalidRequest("say who lets it run with --by EMAIL", param="by")
            started = house.packs.try_out(pack, by=decider_of(house, by))
            out.print(f"{started.pack} runs beside {house.gate.pack or 'no pack'} from now on", highlight=False)
            return
        trial = house.packs.end_trial() if stop else house.packs.trial()
        if trial is None:
            raise NotFound("no pack was on trial; `courtyard policy dry-run PACK --by EMAIL` begins one")
        found = house.packs.differences(trial, limit)
    if json:
        print_json({"trial": trial, "differences": found})
        return
    since = f"{date_time(trial.began_at_ms):%Y-%m-%d %H:%M}"
    state = "ran" if stop or trial.ended_at_ms is not None else "runs"
    out.print(f"{trial.pack} {state} since {since} UTC: asked {trial.judged:,} times", highlight=False)
    if found:
        print_table(differences_table(found), "facts", "then by")
    else:
        err.print("it has decided nothing otherwise")


def replay_(
    candidate: Candidate,
    *,
    days: Annotated[int, typer.Option(min=1, max=400, help="How far back.")] = 7,
    pack: PackOption = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many differences to show.")] = 50,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Ask a candidate what it makes of the requests on record; the pack in force is asked the same."""
    with open_house(data_dir) as house:
        house.gate.flush()
        since_ms = house.clock.now_ms() - days * _DAY_MS
        with _progress(house, since_ms, quiet=json) as watched:
            result = replay(
                watched,
                candidate=Judgement(pack_of(house, candidate)),
                against=Judgement(pack_of(house, pack)),
                facts=house.packs.facts,
            )
    shown = msgspec.structs.replace(result, differences=result.differences[:limit])
    if json:
        print_json(shown)
    else:
        _show_replay(result, shown)


COMMANDS = {"explain": explain_, "dry-run": dry_run, "replay": replay_}


def pack_of(house: House, ref: str | None) -> Pack:
    """Find a pack: one that is here, a directory or an archive, or an example; without a word, the one in force."""
    if ref is None:
        now = house.packs.in_force()
        if now is None or now.digest is None:
            raise NotFound("no pack is in force; name one with --pack, or promote one")
        return house.packs.pack(now.digest)
    if Path(ref).exists():
        return read_pack(read_files(Path(ref)))
    try:
        return house.packs.pack(ref)
    except NotFound:
        if ref not in shipped():
            raise
        return read_pack(shipped_files(ref))


def _facts_of_request(house: House, asked: list[str]) -> list[Facts]:
    """Find what was judged for a request that is on record."""
    if len(asked) > 1:
        raise InvalidRequest("name one request, or facts such as tier=foreign")
    record = next((one for one in _records(house, 0) if one.id == asked[0]), None)
    if record is None:
        raise NotFound(f"no request {asked[0]!r} is on record; `courtyard evidence list` shows them")
    if not record.facts:
        raise NotFound(f"no pack judged request {asked[0]}: {record.rule or 'the rules of the house'} decided")
    found = house.packs.facts(record.facts)
    if not found:
        raise NotFound(f"it is not kept (any more) what was judged for request {asked[0]}")
    return [found[digest] for digest in record.facts if digest in found]


def _facts_said(house: House, asked: list[str]) -> Facts:
    """Read facts as `name=value`; the rest is a member's chat at home, today."""
    region = house.settings.region
    said: dict[str, Any] = {
        "organisation": "org",
        "region": region,
        "home": [region],
        "day": house.clock.now_ms() // _DAY_MS,
    }
    for word in asked:
        name, found, value = word.partition("=")
        if not found or name not in Facts.__struct_fields__:
            raise InvalidRequest(
                f"{word!r} is no fact; there are {', '.join(Facts.__struct_fields__)}, each name=value"
            )
        said[name] = [one for one in value.split(",") if one] if name in _SETS else value
        if name == "day" and "-" in value:
            said[name] = day_of(value)
    if "region" in said and "home" not in {word.partition("=")[0] for word in asked}:
        said["home"] = [said["region"]]
    try:
        return msgspec.convert(said, Facts, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidRequest(f"these facts make no sense: {error}") from error


def _records(house: House, since_ms: int) -> Iterator[Sealed]:
    before: str | None = None
    while True:
        page = house.evidence.records(Filter(since_ms=since_ms), before=before, limit=_PAGE)
        yield from page.records
        if page.next is None:
            return
        before = page.next


@contextmanager
def _progress(house: House, since_ms: int, *, quiet: bool) -> Iterator[Iterator[Judged]]:
    """Give the requests on record that a pack judged, and show how far back the reading is."""
    columns = TextColumn("reading the record"), BarColumn(), TaskProgressColumn()
    now_ms = house.clock.now_ms()
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task("", total=now_ms - since_ms)

        def judged() -> Iterator[Judged]:
            for record in _records(house, since_ms):
                bar.update(task, completed=now_ms - record.at_ms)
                if record.facts:
                    yield Judged(request=record.id, at_ms=record.at_ms, facts=record.facts)

        yield judged()


def _head(explained: Explanation) -> None:
    facts = explained.facts
    where = f"{facts.provider} ({facts.tier}) in {facts.region or 'no region'}"
    purpose = f" for {facts.purpose}" if facts.purpose else ""
    out.print(f"[bold]{facts.organisation}[/bold] at {where}{purpose}", highlight=False)


def _show_replay(result: Replay, shown: Replay) -> None:
    out.print(
        f"{result.pack} against {result.against}: {result.requests:,} requests, {result.decisions:,} decisions, "
        f"{result.changed:,} would be others",
        highlight=False,
        soft_wrap=True,
    )
    if result.unknown:
        err.print(f"of {result.unknown:,} requests it is not kept what was judged", highlight=False)
    if shown.differences:
        print_table(differences_table(shown.differences), "facts", "then by")

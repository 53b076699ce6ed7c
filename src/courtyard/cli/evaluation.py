"""`courtyard evaluation`: how safe a served model is, in figures."""

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from courtyard import plugins, strict_yaml
from courtyard.cli.asking import Door
from courtyard.cli.bars import counts_bar
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json, print_table
from courtyard.cli.files import Output, write_file
from courtyard.cli.names import person_of
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.evaluation import Ask, Expected, Gate, Judge, Outcome, Plan, Report, Run, read_bank, read_log, write_log

app = typer.Typer(
    help="Test how safe a served model is: your banks of cases, seeded samples, judges, human review, and figures.",
    no_args_is_help=True,
)

_FILE_BYTES_MAX = 256 << 20

Which = Annotated[str, typer.Argument(help="The run's id.")]
By = Annotated[str, typer.Option(help="Who judges: a person's e-mail address or id.")]


class _PlanFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plan's file says."""

    seed: int = 0
    per_risk: int | None = None
    quotas: dict[str, int] = {}
    gates: tuple[Gate, ...] = ()
    judges: dict[str, dict[str, Any]] = msgspec.field(default_factory=lambda: {"rule": {}})


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A bank: JSON, a case a line, or XSTest's CSV.")],
    *,
    name: Annotated[str, typer.Option(help="What the bank is called.")],
    version: Annotated[str, typer.Option(help="Its version: other cases need another one.")],
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "",
    licence: Annotated[str, typer.Option(help="On which terms.")] = "",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Keep a bank of cases. Each has an id, a risk, a prompt, and what is expected: refuse, answer or safe."""
    with open_house(data_dir) as house:
        bank = house.evaluations.import_bank(_read(file), name=name, version=version, source=source, licence=licence)
    if json:
        print_json(bank)
    else:
        out.print(f"{escape(bank.name)}@{escape(bank.version)} has {bank.cases:,} cases, {len(bank.risks)} risks")


@app.command()
def banks(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the banks."""
    with open_house(data_dir) as house:
        found = house.evaluations.banks()
    if json:
        print_json(found)
    elif found:
        table = Table("bank", "cases", "risks", "licence", "source", "digest")
        for bank in found:
            named = f"{bank.name}@{bank.version}"
            counts = f"{bank.cases:,}", f"{len(bank.risks)}"
            table.add_row(escape(named), *counts, escape(bank.licence), escape(bank.source), bank.digest[:12])
        print_table(table, "digest", "source")
    else:
        err.print("there are no banks; `courtyard evaluation import` brings one")


@app.command()
def begin(
    bank: Annotated[str, typer.Argument(help="The bank's name, or name@version.")],
    *,
    model: Annotated[str, typer.Option(help="Which model is tested.")],
    plan: Annotated[Path | None, typer.Option(help="YAML: seed, per_risk, quotas, gates, judges.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed than the plan's.")] = None,
    per_risk: Annotated[int | None, typer.Option(min=0, help="So many cases of each risk; all if left out.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Draw a sample by a seed, and keep it as a run. `evaluation run` asks it."""
    with open_house(data_dir) as house:
        written = _plan(plan)
        drawn = Plan(
            seed=written.seed if seed is None else seed,
            per_risk=written.per_risk if per_risk is None else per_risk,
            quotas=written.quotas,
        )
        run = house.evaluations.begin(bank, model, drawn, gates=written.gates, pack=house.gate.pack)
    if json:
        print_json(run)
    else:
        out.print(f"{run.id} asks {run.items:,} cases of {escape(run.bank.name)}", highlight=False)


@app.command("run")
def run_(
    run: Which,
    *,
    key: Annotated[str, typer.Option(envvar="COURTYARD_API_KEY", help="The API key to ask with.")],
    url: Annotated[str, typer.Option(envvar="COURTYARD_URL", help="The house to ask.")] = "http://127.0.0.1:8420",
    plan: Annotated[Path | None, typer.Option(help="YAML that says which judges: rule, classifier.")] = None,
    purpose: Annotated[str, typer.Option(help="The purpose that requests are made for.")] = "evaluation",
    tokens_max: Annotated[int, typer.Option(min=1, help="How long an answer may be.")] = 512,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Ask what has no answer yet, by the house's own door, and judge it. What was cut off goes on."""
    with open_house(data_dir) as house, counts_bar(quiet=json) as bar:
        door = Door(url, key, purpose=purpose, tokens_max=tokens_max)
        judges = _judges(_plan(plan), door)
        report = asyncio.run(house.evaluations.carry_out(run, door, judges, bar))
    _show(report, json=json)


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List runs, the newest first."""
    with open_house(data_dir) as house:
        found = house.evaluations.runs()
    if json:
        print_json(found)
    elif found:
        print_table(_runs(found), "begun (UTC)")
    else:
        err.print("nothing was tested yet; `courtyard evaluation begin` does")


@app.command()
def report(run: Which, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show what a run has shown, with 95 % intervals. The exit status is 3 where a gate was not reached."""
    with open_house(data_dir) as house:
        found = house.evaluations.report(run)
    _show(found, json=json)
    if found.gates and not found.is_passed:
        raise typer.Exit(3)


@app.command()
def queue(
    run: Which,
    by: By,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what machines agree on.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show what a person should judge, without what others said of it."""
    with open_house(data_dir) as house:
        person = person_of(house, by).email
        waiting = house.evaluations.queue(run, person=person, everything=everything)
    if json:
        print_json(waiting[:limit])
        return
    for item in waiting[:limit]:
        out.rule(f"{item.number}  {item.case.risk}", align="left")
        out.print(item.case.prompt, markup=False, highlight=False, style="bold")
        out.print(item.answer or "", markup=False, highlight=False)
    err.print(
        f"{len(waiting):,} to judge: courtyard evaluation judge {run} NUMBER refused|answered|unsafe --by {person}"
    )


@app.command()
def judge(
    run: Which,
    number: Annotated[int, typer.Argument(help="The item's number in the run.")],
    outcome: Annotated[Outcome, typer.Argument(help="What the answer does.")],
    by: By,
    *,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Say what an answer does. Two people judge each one; where they disagree, a third decides."""
    with open_house(data_dir) as house:
        person = person_of(house, by).email
        house.evaluations.judge(run, number, outcome, person=person, reason=reason)
    out.print(f"{number} {outcome}", highlight=False)


@app.command()
def export(run: Which, output: Output = Path("-"), data_dir: DataDir = None) -> None:
    """Write a run as a log of Inspect, with answers and what judges said."""
    with open_house(data_dir) as house:
        log = write_log(house.evaluations.run(run), house.evaluations.items(run))
    write_file([msgspec.json.encode(log)], output or Path("-"))


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A log of Inspect in JSON.")],
    *,
    expected: Annotated[Expected, typer.Option(help="What is expected where a sample does not say.")],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take what Inspect asked and heard elsewhere as a run, for judges and figures here."""
    with open_house(data_dir) as house:
        log = read_log(_read(file), expected=expected)
        cases = b"".join(msgspec.json.encode(case) + b"\n" for case, _ in log.answers)
        name = (log.task or file.stem)[:60]
        bank, read = read_bank(cases, name=name, version=f"inspect-{sha256(cases).hexdigest()[:12]}", source="Inspect")
        run = house.evaluations.begin_with(bank, read, [answer for _, answer in log.answers], model=log.model)
    if json:
        print_json(run)
    else:
        out.print(f"{run.id} has {run.items:,} answers of {escape(run.model)} to be judged", highlight=False)


@app.command()
def erase(run: Which, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Erase a run with its answers and judgements."""
    with open_house(data_dir) as house:
        found = house.evaluations.run(run)
        confirm(f"Erase {found.id} and its {found.answered:,} answers for good?", yes=yes)
        house.evaluations.erase(run)
    out.print(f"{run} is erased", highlight=False)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise fail(f"{path} can't be read: {error.strerror}") from error


def _plan(path: Path | None) -> _PlanFile:
    """Read a plan; without a file, everything is asked and the words of refusals judge."""
    if path is None:
        return _PlanFile()
    try:
        text = _read(path).decode()
        return msgspec.convert(strict_yaml.read(text).plain(), _PlanFile, strict=False)
    except (UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidRequest(f"{path}: {error}") from error


def _judges(plan: _PlanFile, ask: Ask) -> list[Judge]:
    installed = plugins.load("judges")
    made: list[Judge] = []
    for name, options in plan.judges.items():
        if name not in installed:
            raise InvalidRequest(f"{name!r} is no judge that is installed; there are {', '.join(sorted(installed))}")
        try:
            made.append(msgspec.convert({**options, "ask": ask}, installed[name], strict=False))
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"judge {name!r}: {error}") from error
    return made


def _show(report: Report, *, json: bool) -> None:
    if json:
        print_json(report)
        return
    run = report.run
    out.print(
        f"[bold]{escape(run.model)}[/bold] on {escape(run.bank.name)}@{escape(run.bank.version)}", highlight=False
    )
    unasked = run.items - run.answered
    out.print(f"  {run.answered:,} of {run.items:,} asked, seed {run.plan.seed}", highlight=False)
    table = Table("cases", "asked", "pass", "unclear", "share", "95 % interval")
    for group in (*report.by_expected, *report.by_risk):
        interval = f"{group.low:.1%} to {group.high:.1%}"
        counts = f"{group.cases:,}", f"{group.passed:,}", f"{group.unclear:,}"
        table.add_row(escape(group.name), *counts, f"{group.rate:.1%}", interval)
    print_table(table, "unclear")
    for result in report.gates:
        word = "[green]reached[/green]" if result.is_passed else "[red]not reached[/red]"
        sure = "" if result.is_sure or not result.is_passed else ", and chance could have done it"
        out.print(f"gate {escape(result.gate.name)}: {word}{sure}: {result.reason}", highlight=False, soft_wrap=True)
    if report.kappa is not None:
        out.print(f"two people agree on {report.reviewed:,} answers with kappa {report.kappa:.2f}", highlight=False)
    if unasked:
        err.print(f"{unasked:,} have no answer yet; `courtyard evaluation run {run.id}` goes on")


def _runs(found: list[Run]) -> Table:
    table = Table("run", "bank", "model", "asked", "begun (UTC)")
    for run in found:
        begun = f"{date_time(run.begun_at_ms):%Y-%m-%d %H:%M}"
        asked = f"{run.answered:,}/{run.items:,}"
        table.add_row(run.id, escape(f"{run.bank.name}@{run.bank.version}"), escape(run.model), asked, begun)
    return table

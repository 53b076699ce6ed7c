"""`courtyard policy`: packs of rules, who signs them, and what they say."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli import policy_deciding, policy_promoting
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json, print_table, refusing
from courtyard.cli.policy_shown import show_pack
from courtyard.core.clock import date_time
from courtyard.core.errors import NotFound
from courtyard.policy import (
    ENVELOPE,
    Judgement,
    Pack,
    Shelved,
    checked,
    failing,
    read_files,
    read_pack,
    read_private_key,
    read_public_key,
    shipped,
    shipped_files,
    sign,
    statement_of,
    write_archive,
    write_keys,
)

app = typer.Typer(
    help="Policy packs: signed rules that say who may use which provider, for what, and on which terms. What comes "
    "with Courtyard are examples and not legal advice.",
    no_args_is_help=True,
)
for _module in (policy_deciding, policy_promoting):
    for _name, _command in _module.COMMANDS.items():
        app.command(_name)(_command)

Source = Annotated[str, typer.Argument(metavar="PACK", help="A directory, an archive, or an example's name.")]
Named = Annotated[
    str | None,
    typer.Argument(metavar="PACK", help="A pack's name, name@version or digest; without one, the one in force."),
]
By = Annotated[str, typer.Option(help="Who does it: an e-mail address, for the record.")]


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the packs that were brought in, and the examples."""
    with open_house(data_dir) as house:
        packs, now, trial = house.packs.all(), house.packs.in_force(), house.packs.trial()
    running = trial.digest if trial is not None and trial.ended_at_ms is None else None
    force = None if now is None else now.digest
    if json:
        print_json({"packs": packs, "in_force": force, "on_trial": running, "examples": shipped()})
        return
    if packs:
        print_table(_table(packs, force, running), "brought in (UTC)", "digest")
    else:
        err.print("no packs; `courtyard policy import cn-2026` brings an example in")
    err.print(f"examples: {', '.join(shipped())} (not legal advice)", highlight=False)


@app.command()
def show(pack: Named = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show a pack: its rules, its figures with where they come from, and what it asks for."""
    with open_house(data_dir) as house:
        found = pack_of(house, pack)
    if json:
        print_json(found)
    else:
        show_pack(found)


@app.command()
def check(source: Source, json: AsJson = False) -> None:
    """Read a pack and run every vector; it ends with 1 where one does not come out."""
    with refusing():
        files = files_of(source)
        pack = read_pack(files)
        judgement = Judgement(pack)
        found = [(vector, failing(judgement, vector)) for vector in pack.vectors]
    wrong = [(vector, reason) for vector, reason in found if reason]
    if json:
        failed = [{"line": vector.line, "says": vector.says, "reason": reason} for vector, reason in wrong]
        print_json({"pack": pack.title, "digest": pack.digest, "vectors": len(found), "failed": failed})
    for vector, reason in () if json else wrong:
        where = f"vectors.jsonl, line {vector.line} ({vector.says})"
        err.print(f"[red]fails[/red] {escape(where)}: {escape(reason)}", highlight=False, soft_wrap=True)
    if wrong:
        raise typer.Exit(1) if json else fail(f"{len(wrong)} of {len(found)} vectors do not come out")
    if not json:
        out.print(
            f"{pack.title} is good: {len(pack.rules)} rules, {len(found)} vectors, {len(pack.parameters)} parameters",
            highlight=False,
        )


@app.command("import")
def import_(source: Source, by: By = "operator", data_dir: DataDir = None, json: AsJson = False) -> None:
    """Bring a signed pack in. An example is signed by this house's own key as it comes."""
    with open_house(data_dir) as house:
        files = files_of(source)
        if ENVELOPE not in files and source in shipped():
            files[ENVELOPE] = house.packs.sign(files, by=by).encode()
        shelved = house.packs.bring(files, by=by)
    if json:
        print_json(shelved)
    else:
        signers = ", ".join(shelved.signed_by)
        out.print(f"[bold]{shelved.title}[/bold] is here, signed by {signers} (not in force yet)", highlight=False)


@app.command()
def export(
    source: Annotated[str, typer.Argument(metavar="PACK", help="A pack that is here, or an example's name.")],
    target: Annotated[Path, typer.Argument(help="A directory that is not there yet, or a file that ends with .zip.")],
    data_dir: DataDir = None,
) -> None:
    """Write a pack's files, to read or to make one of your own from them."""
    with open_house(data_dir) as house:
        try:
            files = house.packs.files(source)
        except NotFound:
            files = shipped_files(source)
    if target.exists():
        raise fail(f"{target} is there already; name another place")
    if target.suffix == ".zip":
        target.write_bytes(write_archive(files))
    else:
        _write_directory(target, files)
    out.print(f"{len(files)} files in {target}", highlight=False)


@app.command("sign")
def sign_(
    source: Annotated[
        Path, typer.Argument(metavar="PACK", help="A directory or an archive; the signature is put in it.")
    ],
    *,
    key: Annotated[
        Path | None, typer.Option(help="A private key in PEM; without one, the house's own key signs.")
    ] = None,
    by: By = "operator",
    data_dir: DataDir = None,
) -> None:
    """Check a pack, and sign its digest (Ed25519, in a DSSE envelope)."""
    with refusing():
        files = read_files(source)
        pack = checked(files)
    if key is None:
        with open_house(data_dir) as house:
            envelope = house.packs.sign(files, by=by)
    else:
        with refusing():
            beside = files[ENVELOPE].decode(errors="replace") if ENVELOPE in files else None
            envelope = sign(statement_of(pack), read_private_key(_text(key)), beside=beside)
    files[ENVELOPE] = envelope.encode()
    if source.is_dir():
        (source / ENVELOPE).write_text(envelope)
    else:
        source.write_bytes(write_archive(files))
    out.print(f"{pack.title} is signed (digest {pack.digest[:12]})", highlight=False)


@app.command()
def keygen(
    target: Annotated[Path, typer.Argument(help="Where the private key goes; the public one beside it.")],
) -> None:
    """Make a key to sign packs with: `FILE` (mode 0600) and `FILE.pub`."""
    public = target.with_name(target.name + ".pub")
    if target.exists() or public.exists():
        raise fail(f"{target} or {public} is there already; a key is never written over")
    private_text, public_text = write_keys(Ed25519PrivateKey.generate())
    target.touch(mode=0o600)
    target.write_text(private_text)
    public.write_text(public_text)
    out.print(f"{target} signs, and {public} is what others trust", highlight=False)


@app.command()
def trust(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    file: Annotated[Path, typer.Argument(help="The public key: PEM, or 64 hex digits.")],
    by: By = "operator",
    data_dir: DataDir = None,
) -> None:
    """Take packs that this key signed."""
    with open_house(data_dir) as house:
        key = house.packs.trust(name, read_public_key(_text(file)), by=by)
    out.print(f"packs that {escape(key.name)} ({key.id}) signed are taken", highlight=False)


@app.command()
def distrust(name: Annotated[str, typer.Argument(help="Whose key it is.")], data_dir: DataDir = None) -> None:
    """Take no more packs that this key signed; those that are here stay."""
    with open_house(data_dir) as house:
        house.packs.distrust(name)
    out.print(f"packs that {escape(name)} signed are taken no more", highlight=False)


@app.command()
def keys(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the keys whose signature a pack may come with."""
    with open_house(data_dir) as house:
        found = house.packs.keys()
    if json:
        print_json(found)
        return
    table = Table("name", "id", "added by", "added (UTC)")
    for key in found:
        table.add_row(escape(key.name), key.id, escape(key.added_by), f"{date_time(key.added_at_ms):%Y-%m-%d %H:%M}")
    print_table(table, "added by")


def files_of(source: str) -> dict[str, bytes]:
    """Read a directory, an archive, or an example."""
    path = Path(source)
    if path.exists() or source not in shipped():
        return read_files(path)
    return shipped_files(source)


def pack_of(house: House, ref: str | None) -> Pack:
    """Find a pack: one that is here, a directory or an archive, or an example; without a word, the one in force."""
    return policy_deciding.pack_of(house, ref)


def _write_directory(target: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _text(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} can't be read: {error}", status=2) from error


def _table(packs: tuple[Shelved, ...], force: str | None, running: str | None) -> Table:
    table = Table("pack", "", "signed by", "brought in (UTC)", "digest")
    for one in packs:
        state = "[green]in force[/green]" if one.digest == force else ""
        if one.digest == running:
            state = "dry-run"
        at = f"{date_time(one.brought_at_ms):%Y-%m-%d %H:%M}"
        table.add_row(one.title, state, escape(", ".join(one.signed_by)), at, one.digest[:12])
    return table

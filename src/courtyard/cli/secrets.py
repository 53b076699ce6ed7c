"""`courtyard secrets`: what all machines of one house must share, carried from one to the next."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from courtyard.app import SHARED_SECRETS
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json, refusing
from courtyard.core.clock import SystemClock
from courtyard.settings import load
from courtyard.storage import Database, Keyring, SharedSecrets, variable

app = typer.Typer(
    help="Secrets that every machine on one database must have: what leases are signed and keys digested with.",
    no_args_is_help=True,
)

_LINE = re.compile(r"COURTYARD_SECRET_([A-Z0-9_]+)=([0-9a-f]{64})")


@app.command("export")
def export(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Print the shared secrets as lines of an environment file. Whoever reads them can do everything."""
    with open_house(data_dir) as house:
        found = {variable(name): house.keyring.secret(name).hex() for name in SHARED_SECRETS}
    if json:
        print_json(found)
    else:
        sys.stdout.write("".join(f"{name}={secret}\n" for name, secret in found.items()))
    err.print("[yellow]![/yellow] these open the house: send them by a way that nobody else reads")


@app.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `courtyard secrets export` printed; `-` is standard input.")
    ],
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Keep another machine's shared secrets in a data directory that has none yet, before its first start."""
    with refusing():
        settings = load(data_dir=data_dir)
        text = _read(source)
        found = {match[1].lower(): match[2] for match in map(_LINE.fullmatch, text.split()) if match}
        if missing := [name for name in SHARED_SECRETS if name not in found]:
            raise fail(f"{source} has no secret {', '.join(missing)}; write it with `courtyard secrets export`")
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        keyring = Keyring(settings.data_dir / "keys")
        for name in SHARED_SECRETS:
            kept = keyring.kept(f"{name}.key")
            if kept is not None and kept.strip() != found[name]:
                raise fail(f"{settings.data_dir} has another secret {name!r}; import into a data directory that is new")
        for name in SHARED_SECRETS:
            keyring.keep(f"{name}.key", found[name])
    if json:
        print_json({"data_dir": str(settings.data_dir), "secrets": SHARED_SECRETS})
    else:
        out.print(f"kept {', '.join(SHARED_SECRETS)} in {settings.data_dir / 'keys'}", highlight=False, soft_wrap=True)


@app.command()
def accept(data_dir: DataDir = None, yes: Yes = False, json: AsJson = False) -> None:
    """Have the database take this machine's shared secrets for the right ones, where the old ones are lost for ever.

    API keys, sessions and links made with a lost pepper open nothing from then on; leases signed with a lost operator's
    key stay a finding of `courtyard ledger check`. Other machines are refused until they have these secrets too.
    """
    confirm("Keys and sessions made with the old secrets will open nothing. Go on?", yes=yes)
    with refusing():
        settings = load(data_dir=data_dir)
        if not (settings.data_dir / "keys").is_dir():
            raise fail(f"nothing is set up in {settings.data_dir} yet; name another --data-dir")
        directory = settings.data_dir
        database = Database(settings.database_url) if settings.database_url else Database.in_directory(directory)
        try:
            database.upgrade()
            SharedSecrets(database, Keyring(directory / "keys"), SystemClock(), SHARED_SECRETS).accept()
        finally:
            database.close()
    if json:
        print_json({"accepted": SHARED_SECRETS})
    else:
        out.print(f"the database knows {', '.join(SHARED_SECRETS)} of this machine now", highlight=False)


def _read(source: Path) -> str:
    try:
        return sys.stdin.read() if str(source) == "-" else source.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{source} can't be read: {getattr(error, 'strerror', None) or 'it is no text'}") from error

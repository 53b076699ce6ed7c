"""`courtyard witness`: a process of its own, best in other hands, that signs that logs only grow."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from courtyard.cli.common import AsJson, fail, out, print_json, print_table, refusing
from courtyard.cli.ports import bind
from courtyard.core.clock import SystemClock, date_time
from courtyard.evidence import Witness, WitnessDoor, read_key

app = typer.Typer(
    help="A witness of evidence: it signs checkpoints of logs that only grow, with a key and a state of its own.",
    no_args_is_help=True,
)

Directory = Annotated[Path, typer.Argument(help="Where the witness keeps its key and what it has seen.")]


@app.command()
def init(
    directory: Directory,
    *,
    name: Annotated[str, typer.Option(help="What it signs as: best its address without https://, witness.example/w1.")],
    json: AsJson = False,
) -> None:
    """Make a witness, and print its key for the settings of the houses that it serves."""
    with refusing():
        witness = Witness.init(directory, name, SystemClock())
    _print_key(witness, json=json)


@app.command()
def trust(
    directory: Directory,
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="Logs, as `courtyard evidence keys` says.")],
) -> None:
    """Have it sign what these logs say from now on; others are refused."""
    with refusing():
        witness = Witness(directory, SystemClock())
        for key in map(read_key, keys):
            witness.trust(key)
            out.print(f"{key.name} is trusted", markup=False, highlight=False, soft_wrap=True)


@app.command()
def show(directory: Directory, json: AsJson = False) -> None:
    """Print its key, and what it has last signed of each log."""
    with refusing():
        witness = Witness(directory, SystemClock())
        known = witness.known()
    if json:
        print_json({"key": str(witness.key), "logs": known})
        return
    _print_key(witness, json=False)
    table = Table("log", "records", "signed (UTC)")
    for log in known:
        signed = f"{date_time(log.signed_at_s * 1000):%Y-%m-%d %H:%M:%S}" if log.signed_at_s else "never"
        table.add_row(read_key(log.key).name, f"{log.size:,}", signed)
    print_table(table)


@app.command()
def serve(
    directory: Directory,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8421,
) -> None:
    """Answer logs that ask for signatures, until a signal comes. Anybody may ask; logs that are trusted get one."""
    import uvicorn  # noqa: PLC0415 - Other commands need no web server.

    with refusing():
        door = WitnessDoor(Witness(directory, SystemClock()))
    try:
        sockets = bind(host, port)
    except OSError as error:
        raise fail(f"port {port} on {host} can't be had: {error.strerror}; choose another --port") from error
    number = sockets[0].getsockname()[1]
    out.print(f"the witness answers at http://{host}:{number}", markup=False, highlight=False, soft_wrap=True)
    config = uvicorn.Config(
        door, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False, limit_concurrency=256
    )
    asyncio.run(uvicorn.Server(config).serve(sockets))


def _print_key(witness: Witness, *, json: bool) -> None:
    if json:
        print_json({"key": str(witness.key)})
    else:
        out.print(str(witness.key), markup=False, highlight=False, soft_wrap=True)

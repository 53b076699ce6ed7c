"""How fast the console's pages answer in a house with very many receipts.

    python -m benchmarks.pages --receipts 10000000

Fills SQLite with customers, keys, receipts and invoices, starts a real server, signs an administrator of the largest
customer and an operator in, and asks each page several times. Fails where a page takes longer than it may.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode

from benchmarks.filling import DAYS, MODELS, fill
from benchmarks.load import cpu_seconds
from courtyard.app import House
from courtyard.billing import BillingSettings, Party
from courtyard.core.clock import date_time
from courtyard.core.ids import OrganisationId, PersonId
from courtyard.core.principal import Role
from courtyard.settings import Settings

MS_MAX = 300.0
_INVOICED = 2
"""The smallest customers, whose receipts are invoiced; what an invoice costs to draw up is measured elsewhere."""
_SHEET = """
book: standard
currency: USD
prices:
  - model: glm-4.5-air
    rates: {input: "0.25", output: "1.30"}
"""


class Browser:
    """One connection of somebody who is signed in."""

    def __init__(self, port: int, link: str) -> None:
        self._http = HTTPConnection("127.0.0.1", port, timeout=600)
        self._cookies: dict[str, str] = {}
        self.token = ""
        self._ask("GET", f"/sign-in?token={quote(link)}")
        self._ask("POST", "/sign-in", urlencode({"csrf": self.token, "token": link}))
        self._ask("GET", "/keys")

    def ms(self, path: str, fields: dict[str, str] | None = None) -> float:
        """Ask for a page, and say how many milliseconds it took."""
        began = time.perf_counter()
        if fields is None:
            status = self._ask("GET", path)
        else:
            status = self._ask("POST", path, urlencode({"csrf": self.token, **fields}))
        taken = (time.perf_counter() - began) * 1000
        assert status == 200, f"{path} answered {status}"
        return taken

    def _ask(self, method: str, path: str, body: str | None = None) -> int:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        self._http.request(method, path, body, headers)
        answer = self._http.getresponse()
        content = answer.read()
        for header in answer.headers.get_all("set-cookie") or ():
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value
        if found := re.search(rb'<meta name="csrf" content="([^"]+)">', content):
            self.token = found[1].decode()
        return answer.status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--receipts", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--data-dir", type=Path, help="Keep what is filled here, and measure it again the next time.")
    asked = parser.parse_args()
    with TemporaryDirectory() as temporary:
        directory = asked.data_dir or Path(temporary)
        began = time.perf_counter()
        house, links = _filled(directory, asked.receipts)
        size = (directory / "courtyard.db").stat().st_size
        seconds = time.perf_counter() - began
        print(f"{asked.receipts:,} receipts, {size / 1e9:.2f} GB, filled in {seconds:.0f} s")
        admin, person, number = links
        tokens = [house.identity.one_time_link(one) for one in (person, house.identity.setup().person.id)]
        keys = house.identity.keys()
        key = next(key.id for key in keys if key.organisation == admin)
        project = house.identity.projects(organisation=admin)[1].id
        last = date_time(house.clock.now_ms()).date()
        house.close()
        receipt = f"req_{asked.receipts // 2:022x}"
        days = {days: f"from={last - timedelta(days=days - 1)}&to={last}" for days in (30, 90)}
        past = f"from={last - timedelta(days=DAYS - 10)}&to={last - timedelta(days=DAYS - 15)}"
        theirs = [
            *(f"/usage?{days[length]}&by={by}" for length in (30, 90) for by in ("model", "project", "key", "person")),
            f"/api/console/usage?{days[90]}&by=model",
            "/receipts",
            f"/receipts?{past}",
            f"/receipts?key={key}",
            f"/receipts?project={project}&model={next(iter(MODELS))}",
            "/receipts?model=never-used",
            f"/receipts?before={asked.receipts // 2}",
            *(f"/billing/{page}" for page in ("budgets", "plan", "seats", "invoices")),
        ]
        all_ = [
            *theirs,
            f"/usage?{days[90]}&by=organisation",
            *(f"/usage?{days[90]}&organisation={admin}&by={by}" for by in ("model", "key")),
            f"/receipts?organisation={admin}",
            f"/receipts/{receipt}",
            f"/billing/invoices/{number}",
            *(f"/operate/{page}" for page in ("customers", "receivables", "plans", "prices", "nodes", "notices")),
            *(f"/operate/margins?months=12&by={by}" for by in ("model", "organisation", "month")),
            "/api/console/operate/margins?months=12",
        ]
        month = (last.replace(day=1) - timedelta(days=1)).isoformat()[:7]
        print("| who | page | first ms | p50 ms | max ms | CPU ms |")
        print("|---|---|--:|--:|--:|--:|")
        with _serving(directory) as (port, pid):
            measured = partial(_measured, pid=pid, times=asked.times)
            administrator, operator = (Browser(port, token) for token in tokens)
            slow = [measured("administrator", administrator, path) for path in theirs]
            slow += [measured("operator", operator, path) for path in all_]
            tried = {"sheet": _SHEET, "month": month}
            slow.append(measured("operator", operator, "/operate/prices/try", fields=tried))
    late = [path for path in slow if path]
    print(f"slower than {MS_MAX:g} ms: {', '.join(late) or 'none'}")
    return 1 if late else 0


def _filled(directory: Path, receipts: int) -> tuple[House, tuple[OrganisationId, PersonId, str]]:
    billing = BillingSettings(seller=Party(name="The house", country="DE"))
    house = House(Settings(data_dir=directory, billing=billing))
    if issued := house.billing.documents(limit=1):
        customer = house.identity.organisations()[1].id
        admin = next(one for one in house.identity.people(organisation=customer) if one.role is Role.ADMIN)
        return house, (customer, admin.id, issued[0].number)
    house.identity.setup()
    house.catalogue.serve_embedded("echo")
    person = fill(house, receipts=receipts)
    number = ""
    last = date_time(house.clock.now_ms()).date().replace(day=1) - timedelta(days=1)
    for customer in house.identity.organisations()[-_INVOICED:]:
        for invoice in house.billing.issue(customer.id, last.isoformat()[:7]):
            number = invoice.number
    assert number, "somebody was invoiced"
    return house, (person.organisation, person.id, number)


@contextmanager
def _serving(directory: Path) -> Iterator[tuple[int, int]]:
    """Start a server, and give its port and its process."""
    command = [sys.executable, "-m", "courtyard", "serve", "--data-dir", str(directory), "--model", "echo"]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ
        )
    assert process.stdout is not None
    try:
        yield int(json.loads(process.stdout.readline())["url"].rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        process.wait()


def _measured(
    who: str, browser: Browser, path: str, *, pid: int, times: int, fields: dict[str, str] | None = None
) -> str:
    """Ask a page several times, print how long it took, and name it where it was too slow once it was warm.

    The server's CPU time is beside it: what neighbours on the machine do hardly changes that.
    """
    first, before_s = browser.ms(path, fields), cpu_seconds(pid)
    taken = [browser.ms(path, fields) for _ in range(times)]
    cpu = (cpu_seconds(pid) - before_s) * 1000 / times
    shown = re.sub(r"(key|proj|org|req)_[0-9a-f]+", r"\1_…", path)
    print(
        f"| {who} | `{shown}` | {first:.0f} | {statistics.median(taken):.0f} | {max(taken):.0f} | {cpu:.0f} |",
        flush=True,
    )
    return shown if max(taken) > MS_MAX else ""


if __name__ == "__main__":
    sys.exit(main())

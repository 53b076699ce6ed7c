"""The metrics of several workers stand on one page, each with the worker that told it."""

import asyncio
import socket

from prometheus_client.parser import text_string_to_metric_families

from courtyard.telemetry import Siblings, Telemetry
from courtyard.telemetry.together import merged

PAGES = (
    b'# HELP a_total Of a.\n# TYPE a_total counter\na_total{x="1{"} 2.0\na_total{x="}"} 3.0\n'
    b"# HELP b Of b.\n# TYPE b gauge\nb 1.0\n",
    b'# HELP b Of b.\n# TYPE b gauge\nb 4.0\n# HELP a_total Of a.\n# TYPE a_total counter\na_total{x="2"} 5.0\n',
)


def bound() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


def workers(text: bytes) -> dict[str, float]:
    """The gauge `up`, by worker."""
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    return {sample.labels["worker"]: sample.value for sample in families["up"].samples}


async def told(telemetries: list[Telemetry], keys: list[str], *, away: int = 0) -> list[dict[str, float]]:
    """What each worker tells of all, where the last `away` of them are not there."""
    sockets = [bound() for _ in telemetries]
    ports = {number: one.getsockname()[1] for number, one in enumerate(sockets, start=1)}
    here = list(enumerate(zip(telemetries, sockets, keys, strict=True), start=1))[: len(telemetries) - away]
    for one in sockets[len(here) :]:
        one.close()
    for number, (telemetry, one, key) in here:
        await telemetry.join(Siblings(worker=number, ports=ports, key=key), one)
    pages = [workers(await telemetry.metrics_of_all()) for _, (telemetry, _, _) in here]
    for _, (telemetry, _, _) in here:
        telemetry.close()
    await asyncio.sleep(0)
    return pages


def counting(count: int) -> list[Telemetry]:
    """Workers that each show their number."""
    made = []
    for number in range(1, count + 1):
        telemetry = Telemetry()
        telemetry.watch("up", "Whose page it is.", lambda number=number: float(number))
        made.append(telemetry)
    return made


def test_a_family_stands_once_with_the_samples_of_all() -> None:
    """Whatever order the pages have, and whatever stands in a label."""
    text = merged(enumerate(PAGES, start=1)).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}

    assert text.count("# TYPE") == 2
    assert [(sample.labels["worker"], sample.labels["x"], sample.value) for sample in families["a"].samples] == [
        ("1", "1{", 2.0),
        ("1", "}", 3.0),
        ("2", "2", 5.0),
    ]
    assert [(sample.labels, sample.value) for sample in families["b"].samples] == [
        ({"worker": "1"}, 1.0),
        ({"worker": "2"}, 4.0),
    ]


def test_any_worker_tells_of_all() -> None:
    """Each asks the others, and all pages hold the same."""
    assert asyncio.run(told(counting(3), ["k"] * 3)) == [{"1": 1.0, "2": 2.0, "3": 3.0}] * 3


def test_a_worker_that_is_away_is_left_out() -> None:
    """And keeps nobody from telling of those that are there."""
    assert asyncio.run(told(counting(3), ["k"] * 3, away=1)) == [{"1": 1.0, "2": 2.0}] * 2


def test_nobody_is_told_without_the_key() -> None:
    """Whoever finds the port, and has another key, hears nothing."""
    assert asyncio.run(told(counting(2), ["k", "another"])) == [{"1": 1.0}, {"2": 2.0}]

"""Chinese questions that take two rows of AffairQA's tables to answer, and how many of both rows are found.

    python -m benchmarks.two_hops ../shared/data/kg
    python -m benchmarks.two_hops ../shared/data/kg --show 20

A question names one row and asks something of another one that it does not name: the two are joined by what stands in a
cell of both (a licence, a county, an address, a telephone, an owner). A question is left out where its words hold what
joins the rows, so that no search by words alone has the second row for nothing. There is no chance in it: the same
tables give the same questions. Each table is a document, cut as the product cuts it.
"""

import argparse
import csv
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.knowledge import console, interval, table
from courtyard.documents import Block, BlockKind, Reading, Table
from courtyard.knowledge import asked as asked_of
from courtyard.knowledge.model import CollectionId, Document, DocumentId, State
from courtyard.knowledge.passages import cut
from courtyard.knowledge.shard import Shard
from courtyard.knowledge.snapshot import Snapshot

_COUNT_MAX = 80
"""Questions of one kind: every so many of those that there are, so that no table has all of them."""

Row = Mapping[str, str]
Tables = Mapping[str, Sequence[Row]]


class TwoHops(NamedTuple):
    """A question, the two rows that together answer it, by table and place, and the answer."""

    kind: str
    text: str
    rows: tuple[tuple[str, int], tuple[str, int]]
    answer: str


class Asked(NamedTuple):
    """A join of two tables, and what is asked of the row at its end."""

    kind: str
    table: str
    column: str
    other: str
    other_column: str
    texts: tuple[tuple[str, str], ...]
    """The words around the first row's name, and the column of the second row that answers."""


_LIBRARY = (
    ("{}所在区县的公共图书馆的电话号码是多少？", "电话号码"),
    ("{}所在的区县，当地图书馆2018年总藏量是多少？", "2018年总藏量"),
    ("在{}所在区县，那家图书馆的地址在哪里？", "地址"),
    ("{}所在区县的图书馆2017年有多少台计算机？", "2017年计算机台数"),
)
_RESERVE = (
    ("{}所在区县的自然保护区总面积是多少？", "totalArea"),
    ("与{}同在一个区县的自然保护区由哪个机构管理？", "managementAgency"),
    ("{}所在的区县里有一个自然保护区，它是什么时候批准的？", "approvalTime"),
)
_VENUE = (
    ("与{}地址相同的宗教场所叫什么名字？", "name"),
    ("和{}在同一个地址的宗教场所，建筑面积是多少？", "buildingArea"),
)
_CALLED = (
    ("与{}共用一个联系电话的宗教场所叫什么名字？", "name"),
    ("和{}留同一个电话的宗教场所是哪天登记的？", "registrationTime"),
)
_LICENCE = (
    ("{}持有的营业许可证什么时候失效？", "invalidDate"),
    ("{}持有的营业许可证是从哪天起生效的？", "effectiveDate"),
)
_OWNER = (
    ("与{}由同一个投资人出资的另一家旅行社叫什么名字？", "name"),
    ("投资{}的人还投资了另一家旅行社，那一家的地址在哪里？", "address"),
)
_MANAGER = (("与{}同一位法定代表人的另一座加油站地址在哪里？", "address"),)

JOINS = (
    Asked("licence", "加油站", "businessLicense", "许可证", "name", _LICENCE),
    Asked("library", "公园", "county", "图书馆", "所在区县", _LIBRARY),
    Asked("library", "协会", "county", "图书馆", "所在区县", _LIBRARY),
    Asked("library", "加油站", "county", "图书馆", "所在区县", _LIBRARY),
    Asked("reserve", "公园", "county", "自然保护区", "county", _RESERVE),
    Asked("reserve", "图书馆", "所在区县", "自然保护区", "county", _RESERVE),
    Asked("reserve", "协会", "county", "自然保护区", "county", _RESERVE),
    Asked("address", "协会", "address", "宗教场所", "address", _VENUE),
    Asked("address", "旅游景点", "address", "宗教场所", "address", _VENUE),
    Asked("telephone", "协会", "phoneNumber", "宗教场所", "phoneNumber", _CALLED),
    Asked("owner", "旅行社", "investor", "旅行社", "investor", _OWNER),
    Asked("owner", "加油站", "legalRepresentative", "加油站", "legalRepresentative", _MANAGER),
)


def tables(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Read the tables by name; of two columns of one name, the last."""
    read = {}
    for path in sorted((folder / "affairqa_zh").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            read[path.stem] = [{name: cell or "" for name, cell in row.items() if name} for row in csv.DictReader(file)]
    return read


def questions(read: Tables) -> list[TwoHops]:
    """Make the questions: of each kind, as many as are asked at most, spread over all that there are."""
    kinds: dict[str, list[TwoHops]] = defaultdict(list)
    for join in JOINS:
        kinds[join.kind].extend(_made(read, join))
    chosen = []
    for made in kinds.values():
        every = max(len(made) / _COUNT_MAX, 1)
        chosen.extend(made[int(at * every)] for at in range(min(len(made), _COUNT_MAX)))
    return chosen


def _made(read: Tables, join: Asked) -> Iterator[TwoHops]:
    """Ask of each row that joins exactly one other row."""
    first, second = read[join.table], read[join.other]
    at = _places(second, join.other_column)
    counts = Counter(row[join.column] for row in first)
    for place, row in enumerate(first):
        bridge, name = row[join.column], _name(row)
        others = [other for other in at[bridge] if (join.table, place) != (join.other, other)]
        if len(bridge) < 3 or len(others) != 1 or _says(name, bridge) or counts[bridge] > len(first) / 10:
            continue
        text, column = join.texts[place % len(join.texts)]
        answer = second[others[0]][column]
        if answer and not _says(name, _name(second[others[0]])):
            yield TwoHops(join.kind, text.format(name), ((join.table, place), (join.other, others[0])), answer)


def _places(rows: Sequence[Row], column: str) -> dict[str, list[int]]:
    at: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        at[row[column]].append(place)
    return at


def _name(row: Row) -> str:
    return row.get("name") or row["id"]


def _says(text: str, name: str) -> bool:
    """Whether a text gives a name away, be it without the word for what it is: `余姚图书馆` says `余姚市`."""
    return name in text or name[:-1] in text


class Searched(NamedTuple):
    """Thirteen documents, ready to be searched, and the passage of each row that is one."""

    snapshot: Snapshot
    places: Mapping[tuple[str, int], tuple[str, int]]


def searched(read: Tables) -> Searched:
    """Cut and read the tables as indexing does."""
    shards, places = [], {}
    for number, (name, rows) in enumerate(read.items()):
        header = tuple(rows[0])
        table = Table(header=header, rows=tuple(tuple(row.values()) for row in rows))
        document = Document(
            id=DocumentId(f"{number:02}"), collection=CollectionId("affairs"), name=f"{name}.csv", title=name,
            media_type="text/csv", sha256=name, size=1, state=State.READY,
        )  # fmt: skip
        block = Block(kind=BlockKind.TABLE, text="", table=table)
        reading = Reading(title=name, media_type="text/csv", pages=1, blocks=(block,))
        cuts = cut(reading, document.id)
        shards.append(Shard.of(document, [each.passage for each in cuts], names=[each.names for each in cuts]))
        if len(cuts) == len(rows):
            places.update({(name, at): (document.id, each.passage.number) for at, each in enumerate(cuts)})
    return Searched(Snapshot.of(shards), places)


def two_hops(read: Tables, held: Searched) -> None:
    """Show how many of both rows stand among the first five: by words, which is hybrid where nothing is embedded."""
    made = questions(read)
    gold = [{held.places[row] for row in each.rows} for each in made]
    began = time.perf_counter()
    ours = np.array([_share(_ours(held, each.text), rows) for each, rows in zip(made, gold, strict=True)])
    waited = 1000 * (time.perf_counter() - began) / len(made)
    words = np.array([_share(_words(held, each.text), rows) for each, rows in zip(made, gold, strict=True)])
    kinds = np.array([each.kind for each in made])
    shown = []
    for kind in (*dict.fromkeys(kinds), "all"):
        at = np.flatnonzero((kinds == kind) | (kind == "all"))
        for system, values in (("words", words[at]), ("ours", ours[at])):
            shown.append([kind, len(at), system, 100 * values.mean(), 100 * (values == 1).mean()])
    size = held.snapshot.index.size
    table(f"Two hops, {size:,} passages, {waited:.0f} ms a question", ("join", "questions", "", "R@5", "both@5"), shown)
    gain, low, high = interval(ours, words)
    console.print(f"R@5 over words: {gain:+.1f} % [{low:.1f}, {high:.1f}]")


def affairs(folder: Path, held: Searched) -> None:
    """Show of AffairQA's questions how many have their answer in the first five passages."""
    gold = {each["id"]: each["answer"] for each in _json(folder, "gold")}
    asked = [(each["question"], gold[each["id"]], "Historical" in each["id"]) for each in _json(folder, "test")]
    text = {
        (shard.document.id, passage.number): passage.text
        for shard in held.snapshot.shards
        for passage in shard.passages
    }
    for system, search in (("words", _words), ("ours", _ours)):
        told = [any(a in text[at] for a in answers for at in search(held, q)) for q, answers, _ in asked]
        there = [said for said, (*_, absent) in zip(told, asked, strict=True) if not absent]
        console.print(
            f"AffairQA, {system}: answer@5 {100 * np.mean(told):.1f} %, of a table that is here {np.mean(there):.3f}"
        )


def _ours(held: Searched, text: str) -> list[tuple[str, int]]:
    return [(hit.passage.document, hit.passage.number) for hit in held.snapshot.search(text).hits]


def _words(held: Searched, text: str) -> list[tuple[str, int]]:
    index = held.snapshot.index
    scores = index.words.scores(asked_of.read(text, index.graph.entities).terms)
    shards = held.snapshot.shards
    best = [int(row) for row in np.argsort(-scores, kind="stable")[:5]]
    owners = [int(index.documents[row]) for row in best]
    return [
        (shards[owner].document.id, row - int(index.firsts[owner]) + 1) for row, owner in zip(best, owners, strict=True)
    ]


def _share(found: Sequence[tuple[str, int]], gold: set[tuple[str, int]]) -> float:
    return len(gold.intersection(found)) / len(gold)


def _json(folder: Path, name: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads((folder / "affairqa_zh" / f"{name}.json").read_text(encoding="utf-8"))
    return read


def main() -> None:
    """Make the questions, and count what is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", type=int, default=0)
    given = parser.parse_args()
    read = tables(given.folder)
    made = questions(read)
    for each in made[:: max(len(made) // max(given.show, 1), 1)][: given.show]:
        console.print(each)
    held = searched(read)
    two_hops(read, held)
    affairs(given.folder, held)


if __name__ == "__main__":
    main()

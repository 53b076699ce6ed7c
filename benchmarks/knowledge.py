"""How well passages are found, beside search by words, by meaning and by both; and what that costs.

    python -m benchmarks.knowledge ../shared/data/kg
    python -m benchmarks.knowledge ../shared/data/kg --only wiki mixed harmless affairs support feedback cost speed

*Hybrid* is 0.4 BM25 + 0.6 cosine, each spread over 0 to 1: the same BM25 and the same vectors as ours. 2Wiki, LiHua,
CMRC and AffairQA are searched as shipped, gate included; no ranker has seen a question of theirs. In the mixed corpus
the ranker of each set has learned from the two others, in that corpus. Intervals are 95 % of 2,000 resampled sets of
questions. Seconds are the process's own. Vectors are kept in ~/.cache/courtyard/vectors.
"""

import argparse
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import corpora
from benchmarks.corpora import Corpus, Question
from benchmarks.ranker import views
from courtyard.knowledge import asked as questions
from courtyard.knowledge.embedding import Embedder
from courtyard.knowledge.entities import names_in
from courtyard.knowledge.features import View
from courtyard.knowledge.feedback import Feedback, learn
from courtyard.knowledge.gate import DENSITY_MIN
from courtyard.knowledge.model import SUPPORT_MIN
from courtyard.knowledge.ranker import Example, Ranker, shipped, train
from courtyard.knowledge.snapshot import Snapshot
from courtyard.knowledge.words import facets, terms, units

_SYSTEMS = ("words", "dense", "hybrid", "ours")
_WORD = re.compile(r"\b[A-Z][a-z]{3,}\b")
console = Console(width=160)


class Seen(NamedTuple):
    """A corpus, ready to be searched, and how each question looks at it."""

    corpus: Corpus
    snapshot: Snapshot
    vectors: Sequence[np.ndarray | None]
    views: Sequence[View]


def look(corpus: Corpus) -> Seen:
    passages, vectors = corpora.vectors(corpus)
    snapshot = Snapshot.of(list(corpora.shards(corpus, passages)))
    return Seen(corpus, snapshot, vectors, list(views(corpus, snapshot.index, list(vectors))))


def orders(seen: Seen, ranker: Ranker | None = None) -> dict[str, list[np.ndarray]]:
    """Return the ten best passages of each question: by words, by meaning, by both, and ours."""
    found: dict[str, list[np.ndarray]] = {system: [] for system in _SYSTEMS}
    for question, view in zip(seen.corpus.questions, seen.views, strict=True):
        found["words"].append(_best(view.words))
        found["dense"].append(_best(view.words if view.likeness is None else view.likeness))
        found["hybrid"].append(_best(view.hybrid))
        if ranker is None:
            asked = questions.read(question.text, seen.snapshot.index.graph.entities)
            found["ours"].append(seen.snapshot.ordered(view, graph=not seen.snapshot.closed(asked))[0][:10])
        else:
            found["ours"].append(view.rows[np.argsort(-ranker.scores(view.features), kind="stable")][:10])
    return found


def recall(asked: Sequence[Question], found: Sequence[np.ndarray], depth: int) -> np.ndarray:
    """Return of each question which share of its passages stands among the first."""
    return np.array([np.isin(q.gold, order[:depth]).mean() for q, order in zip(asked, found, strict=True)])


def answered(corpus: Corpus, asked: Sequence[Question], found: Sequence[np.ndarray]) -> np.ndarray:
    """Return of each question, but those of yes and no, whether its answer stands in the first five passages."""
    kept = [(q, order) for q, order in zip(asked, found, strict=True) if _plain(q.answers[0]) not in (" yes ", " no ")]
    shown = [[_plain(" ".join(corpus.passages[row])) for row in order[:5]] for _, order in kept]
    pairs = zip(kept, shown, strict=True)
    return np.array([any(_plain(a) in text for a in q.answers for text in texts) for (q, _), texts in pairs], float)


def interval(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """Return how many percent ours is above theirs, and the bounds of that."""
    drawn = np.random.default_rng(0).integers(0, len(ours), (2_000, len(ours)))
    gains = 100 * (ours[drawn].mean(axis=1) / np.maximum(theirs[drawn].mean(axis=1), 1e-9) - 1)
    low, high = np.percentile(gains, (2.5, 97.5))
    return 100 * (ours.mean() / max(theirs.mean(), 1e-9) - 1), float(low), float(high)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    shown = Table(*columns, title=title)
    for row in rows:
        shown.add_row(*(f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row))
    console.print(shown)


def wiki(folder: Path) -> None:
    seen = look(corpora.two_wiki(folder))
    _show_set("2Wiki, 6,119 passages", seen, orders(seen))
    bare = Corpus("2wiki", seen.corpus.passages, seen.corpus.questions)
    snapshot = Snapshot.of(list(corpora.shards(bare, None)))
    blind = Seen(bare, snapshot, seen.vectors, list(views(bare, snapshot.index, [None] * len(bare.questions))))
    _show_set("2Wiki without any vectors", blind, orders(blind))


def mixed(folder: Path) -> None:
    corpus = corpora.mixed([corpora.two_wiki(folder), corpora.musique(folder), corpora.hotpot(folder)])
    seen = look(corpus)
    examples = [Example(v.features, np.isin(v.rows, q.gold)) for q, v in zip(corpus.questions, seen.views, strict=True)]
    kinds = np.array([q.kind for q in corpus.questions])
    rows, sums = [], {}
    for kind in ("2wiki", "musique", "hotpot"):
        ranker = train([example for example, other in zip(examples, kinds, strict=True) if other != kind])
        at = np.flatnonzero(kinds == kind)
        part = seen._replace(
            corpus=corpus._replace(questions=[corpus.questions[each] for each in at]),
            views=[seen.views[each] for each in at],
        )
        found = orders(part, ranker)
        asked = part.corpus.questions
        five = {system: recall(asked, found[system], 5) for system in _SYSTEMS}
        answer = {system: answered(corpus, asked, found[system]) for system in _SYSTEMS}
        for system in _SYSTEMS:
            values = [100 * five[system].mean(), 100 * (five[system] == 1).mean(), 100 * answer[system].mean()]
            sums.setdefault(system, []).append(values)
            rows.append([kind, len(asked), system, *values, *_beside(five, answer, system)])
    for system, each in sums.items():
        rows.append(["macro", "", system, *np.mean(each, axis=0).tolist(), "", ""])
    macro = {system: np.mean(each, axis=0) for system, each in sums.items()}
    table(f"Mixed, {len(corpus.passages):,} passages", _MIXED, rows)
    for name, at in (("R@5", 0), ("all@5", 1), ("answer@5", 2)):
        gains = {other: 100 * (macro["ours"][at] / macro[other][at] - 1) for other in ("dense", "hybrid")}
        console.print(f"macro {name}: {gains['dense']:+.1f} % over dense, {gains['hybrid']:+.1f} % over hybrid")


_MIXED = ("set", "questions", "system", "R@5", "all@5", "answer@5", "R@5 over it", "answer@5 over it")


def _beside(five: dict[str, np.ndarray], answer: dict[str, np.ndarray], system: str) -> list[str]:
    if system == "ours":
        return ["", ""]
    return [_told(interval(each["ours"], each[system])) for each in (five, answer)]


def harmless(folder: Path) -> None:
    for corpus in (corpora.lihua(folder), corpora.cmrc(folder)):
        seen = look(corpus)
        density = seen.snapshot.index.density
        _show_set(f"{corpus.name}: {density:.2f} links a passage", seen, orders(seen))
        if density < DENSITY_MIN:
            _show_set(f"{corpus.name} with the gate held open", seen, orders(seen, shipped()))


def affairs(folder: Path) -> None:
    """Ask the rows without vectors: their questions are Chinese and have none."""
    corpus = corpora.affairs(folder)
    snapshot = Snapshot.of(list(corpora.shards(corpus, None)))
    vectors = [None] * len(corpus.questions)
    seen = Seen(corpus, snapshot, vectors, list(views(corpus, snapshot.index, vectors)))
    found = orders(seen)
    rows = [[system, 100 * answered(seen.corpus, seen.corpus.questions, found[system]).mean()] for system in _SYSTEMS]
    table(f"AffairQA, {len(seen.corpus.passages):,} rows", ("system", "answer in a row@5"), rows)


def support(folder: Path) -> None:
    """Ask each collection its own questions and those of the others."""
    seen = [look(make(folder)) for make in (corpora.two_wiki, corpora.musique, corpora.lihua, corpora.cmrc)]
    own, other = [], []
    for at, each in enumerate(seen):
        for place, asks in enumerate(seen):
            pairs = list(zip(asks.corpus.questions, asks.vectors, strict=True))[:100]
            found = [each.snapshot.search(q.text, vector=vector).supported for q, vector in pairs]
            (own if at == place else other).extend(found)
    mine, theirs = np.array(own), np.array(other)
    area = (mine[:, None] > theirs).mean() + (mine[:, None] == theirs).mean() / 2
    rows = [
        [f"{least:.2f}", 100 * (mine < least).mean(), 100 * (theirs < least).mean()]
        for least in np.arange(0.2, 0.75, 0.05)
    ]
    table(
        f"`supported`, area {area:.3f}, minimum {SUPPORT_MIN}", ("minimum", "own refused %", "others refused %"), rows
    )


def feedback(folder: Path) -> None:
    """Say of half of a corpus's questions which passage is right, learn, and ask the other half."""
    for corpus in (corpora.lihua(folder), corpora.musique(folder)):
        seen = look(corpus)
        said = [
            Feedback(
                question=q.text, document=seen.snapshot.shards[row].document.id, number=1, good=True, vector=vector
            )
            for q, vector in list(zip(corpus.questions, seen.vectors, strict=True))[::2]
            for row in q.gold
        ]
        began = time.process_time()
        learned = learn(seen.snapshot, said, shipped())
        spent = time.process_time() - began
        console.print(f"{corpus.name}: {learned.why}; {learned.questions} questions, {spent:.1f} s")
        if learned.ranker:
            rest = seen._replace(corpus=corpus._replace(questions=corpus.questions[1::2]), views=seen.views[1::2])
            _show_set(f"{corpus.name}, the other half, before", rest, orders(rest))
            _show_set(f"{corpus.name}, the other half, after", rest, orders(rest, learned.ranker))


def cost(folder: Path) -> None:
    """Time each part of reading 2Wiki."""
    corpus = corpora.two_wiki(folder)
    texts = [f"{title}\n{text}" for title, text in corpus.passages]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    shards = list(corpora.shards(corpus, None))
    parts: dict[str, Callable[[], object]] = {
        "terms": lambda: [terms(text) for text in texts],
        "names by capitals and marks": lambda: [names_in(text) for text in texts],
        "words for links": lambda: [facets(text) for text in texts],
        "shard, all of it": lambda: list(corpora.shards(corpus, None)),
        "snapshot of shards": lambda: Snapshot.of(shards),
        "vectors (of a tenth)": lambda: Embedder().embed_passages(texts[::10]),
    }
    rows = []
    for name, part in parts.items():
        began = time.process_time()
        part()
        spent = (time.process_time() - began) * (10 if "tenth" in name else 1)
        rows.append([name, f"{spent:.2f}", f"{spent / megabytes:.2f}"])
    table(f"2Wiki, {megabytes:.2f} MB", ("part", "CPU s", "CPU s/MB"), rows)


def speed(folder: Path) -> None:
    """Ask 10,000 and 100,000 passages: the mixed corpus, and copies of it in which every name is another."""
    corpus = corpora.mixed([corpora.two_wiki(folder), corpora.musique(folder), corpora.hotpot(folder)])
    passages, vectors = corpora.vectors(corpus)
    asked = list(zip(corpus.questions, vectors, strict=True))[:: len(vectors) // 100][:100]
    rows = []
    for size in (10_000, 100_000):
        grown, more = [], []
        for copy in range(-(-size // len(corpus.passages))):
            part = [(_renamed(title, copy), _renamed(text, copy)) for title, text in corpus.passages]
            grown.extend(part)
            more.append(np.roll(passages, copy, axis=0))
        held = Corpus("grown", grown[:size], corpus.questions)
        shards = list(corpora.shards(held, np.concatenate(more)[:size]))
        began = time.perf_counter(), time.process_time()
        snapshot = Snapshot.of(shards)
        took = time.perf_counter() - began[0], time.process_time() - began[1]
        spent, waited = [], []
        for question, vector in asked:
            clock, cpu = time.perf_counter(), time.process_time()
            snapshot.search(question.text, vector=vector)
            waited.append(1000 * (time.perf_counter() - clock))
            spent.append(1000 * (time.process_time() - cpu))
        rows.append([size, *(f"{value:.2f}" for value in took), *np.percentile(waited, (50, 95)).tolist(),
                     *np.percentile(spent, (50, 95)).tolist(), f"{snapshot.size_bytes / 1e6:.0f}"])  # fmt: skip
    columns = ("passages", "assembled s", "CPU s", "query p50 ms", "p95 ms", "CPU p50 ms", "CPU p95 ms", "MB")
    table("A question, without its vector's 5 ms", columns, rows)


def _show_set(title: str, seen: Seen, found: dict[str, list[np.ndarray]]) -> None:
    asked = seen.corpus.questions
    five = {system: recall(asked, found[system], 5) for system in _SYSTEMS}
    rows = []
    for system in _SYSTEMS:
        each = [recall(asked, found[system], depth) for depth in (2, 5, 10)]
        values = [100 * value.mean() for value in (*each, each[1] == 1, each[2] == 1)]
        rows.append([system, *values, "" if system == "ours" else _told(interval(five["ours"], five[system]))])
    columns = ("system", "R@2", "R@5", "R@10", "all@5", "all@10", "ours over it, R@5")
    table(f"{title}, {len(asked):,} questions", columns, rows)


def _told(found: tuple[float, float, float]) -> str:
    return f"{found[0]:+.1f} % [{found[1]:.1f}, {found[2]:.1f}]"


def _best(values: np.ndarray) -> np.ndarray:
    return np.argsort(-values, kind="stable")[:10]


def _plain(text: str) -> str:
    return f" {' '.join(units(text))} "


def _renamed(text: str, copy: int) -> str:
    return _WORD.sub(lambda match: f"{match[0]}{chr(97 + copy) * 2}", text) if copy else text


_SECTIONS = {each.__name__: each for each in (wiki, mixed, harmless, affairs, support, feedback, cost, speed)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=_SECTIONS, default=list(_SECTIONS))
    given = parser.parse_args()
    for name in given.only:
        _SECTIONS[name](given.folder)


if __name__ == "__main__":
    main()

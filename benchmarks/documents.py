"""How much of a page is read back from its picture, and what reading costs.

    python -m benchmarks.documents ../shared/data/kg
    python -m benchmarks.documents ../shared/data/kg --pages 5 --json

Texts that people wrote (MuSiQue's in English, CMRC's in Chinese) are set on A4 pages in Noto Sans, and each is read by
`Documents` as it is set, as a scan of 200 and of 150 dpi, and as a grey JPEG of 150 dpi with noise. What counts is the
share of words, or of Chinese characters, that come back, each as often as it stands there. Seconds are those of the
process that reads, so that neighbours on the machine don't count.
"""

import argparse
import io
import json
import re
import resource
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typst
from PIL import Image
from rich.console import Console
from rich.table import Table

from courtyard.documents import Documents
from courtyard.typesetting import fonts

_MARKS = re.compile(r"[\\`*_#\[\]$@<>/=~-]")
_WORDS = re.compile(r"[a-z0-9]+")
_CHARACTERS = re.compile("[\u4e00-\u9fff]")
_LETTERS = {"English": 2_400, "Chinese": 1_100}
"""What fits on a page."""


def texts(language: str, data: Path, pages: int) -> Iterator[str]:
    """Yield what stands on each page, in the words of the sets."""
    if language == "English":
        passages = json.loads((data / "multihop_en" / "musique_train_corpus.json").read_text())
        whole = " ".join(passage["text"] for passage in passages)
    else:
        passages = json.loads((data / "chinese" / "cmrc2018_trial.json").read_text())
        whole = "".join(passage["context_text"] for passage in passages)
    whole = " ".join(_MARKS.sub(" ", whole).split())
    length = _LETTERS[language]
    yield from (whole[at * length : (at + 1) * length] for at in range(pages))


def set_page(text: str, **options: Any) -> bytes:
    """Set a page, as PDF or as a picture."""
    source = f'#set page(paper: "a4")\n#set text(font: ("Noto Sans", "Noto Sans CJK SC"), size: 10.5pt)\n{text}'
    made = typst.compile(source.encode(), font_paths=fonts.folders(), **options)
    return made if isinstance(made, bytes) else made[0]


def scanned(text: str, dpi: int, *, noise: float = 0) -> bytes:
    """Scan a page: a PDF that holds nothing but its picture."""
    with Image.open(io.BytesIO(set_page(text, format="png", ppi=dpi))) as opened:
        page = opened.convert("L")
    if noise:
        page = Image.blend(page, Image.effect_noise(page.size, 60), noise)
        jpeg = io.BytesIO()
        page.save(jpeg, "JPEG", quality=60)
        page = Image.open(jpeg)
    written = io.BytesIO()
    page.save(written, "PDF", resolution=dpi)
    return written.getvalue()


FORMS: dict[str, Callable[[str], bytes]] = {
    "text layer": lambda text: set_page(text, format="pdf"),
    "scan, 200 dpi": lambda text: scanned(text, 200),
    "scan, 150 dpi": lambda text: scanned(text, 150),
    "noisy JPEG, 150 dpi": lambda text: scanned(text, 150, noise=0.15),
}


def measure(language: str, form: str, written: Sequence[str]) -> dict[str, Any]:
    """Read every page in one form, by a process of its own."""
    unit = _WORDS if language == "English" else _CHARACTERS
    before = _child_s()
    documents = Documents()
    found = there = 0
    for text in written:
        reading = documents.read("page.pdf", FORMS[form](text))
        asked = Counter(unit.findall(text.lower()))
        read = Counter(unit.findall(" ".join(block.text for block in reading.blocks).lower()))
        found, there = found + (asked & read).total(), there + asked.total()
    documents.close()
    seconds = (_child_s() - before) / len(written)
    return {"language": language, "form": form, "units": there, "recall": found / there, "cpu_s_a_page": seconds}


def _child_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="where the sets lie")
    parser.add_argument("--pages", type=int, default=4, help="pages of each language")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for language in _LETTERS:
        written = list(texts(language, options.data, options.pages))
        results += [measure(language, form, written) for form in FORMS]
    if options.json:
        print(json.dumps(results))
        return
    table = Table("language", "form", "words or characters", "read back", "CPU-seconds a page")
    for result in results:
        table.add_row(
            result["language"],
            result["form"],
            f"{result['units']:,}",
            f"{result['recall']:.1%}",
            f"{result['cpu_s_a_page']:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()

"""Tables as text: CSV and TSV."""

import csv
import io
from collections.abc import Iterator
from typing import ClassVar

from courtyard.documents.charsets import decoded
from courtyard.documents.desk import Desk
from courtyard.documents.reader import Draft
from courtyard.documents.tables import blocks_of

_SAMPLE = 64 * 1024
_DELIMITERS = ",;\t|"
_CELLS_MAX = 2_000_000


class DelimitedReader:
    """Reads a table of lines, whatever stands between its cells."""

    name = "delimited"
    media_types = frozenset({"text/csv", "text/tab-separated-values", "application/csv"})
    suffixes: ClassVar = {".csv": "text/csv", ".tsv": "text/tab-separated-values"}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read one table; its first line is its header."""
        text = decoded(content[: 4 * desk.limits.text_max])
        return Draft(blocks=blocks_of(list(_rows(text, desk))))


def _rows(text: str, desk: Desk) -> Iterator[list[str]]:
    csv.field_size_limit(max(len(text), 1))
    left = _CELLS_MAX
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text[:_SAMPLE])):
        left -= len(row)
        if left < 0:
            desk.warn(f"only the first {_CELLS_MAX:,} cells were read; split the file")
            return
        yield row


def _delimiter(sample: str) -> str:
    """Return what stands between cells: what stands equally often in most lines."""
    lines = [line for line in sample.splitlines()[:50] if line.strip()]
    counted = {mark: [line.count(mark) for line in lines] for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: (_regularity(counted[mark]), sum(counted[mark])))


def _regularity(counts: list[int]) -> float:
    there = [count for count in counts if count]
    return max(map(there.count, there)) / len(counts) if there else 0.0

"""Banks of cases as files: our JSON lines, and what others publish."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from courtyard.core.errors import InvalidRequest
from courtyard.evaluation.model import Bank, Case, Expected

BANK_BYTES_MAX = 64 << 20
CASES_MAX = 200_000
_PROMPT_LENGTH_MAX = 100_000
_NAME_LENGTH_MAX = 100

_decode = msgspec.json.Decoder(Case).decode
_encode = msgspec.json.Encoder(order="sorted").encode
_XSTEST = ("id", "prompt", "type", "label")


def read_bank(raw: bytes, *, name: str, version: str, source: str = "", licence: str = "") -> tuple[Bank, list[Case]]:
    """Read a bank: a case a line in JSON, or XSTest's CSV (Röttger et al. 2024).

    Raises:
        InvalidRequest: a line is no case (it says which), an id stands twice, or there are none or too many.
    """
    if len(raw) > BANK_BYTES_MAX:
        raise InvalidRequest(f"a bank has at most {BANK_BYTES_MAX >> 20} MiB; split it")
    for what, text in (("name", name), ("version", version)):
        if not text.strip() or len(text) > _NAME_LENGTH_MAX:
            raise InvalidRequest(f"a bank's {what} has 1 to {_NAME_LENGTH_MAX} characters", param=what)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"a bank is UTF-8; byte {error.start} is not") from error
    cases = _cases(text) if text.lstrip().startswith("{") else _xstest(text)
    if not 0 < len(cases) <= CASES_MAX:
        raise InvalidRequest(f"a bank has 1 to {CASES_MAX:,} cases; this one has {len(cases):,}")
    twice = [id for id, count in Counter(case.id for case in cases).items() if count > 1]
    if twice:
        raise InvalidRequest(f"case {twice[0]!r} stands in the bank {len(twice)} time(s) too often; ids are unique")
    bank = Bank(
        name=name,
        version=version,
        digest=sha256(write_cases(cases)).hexdigest(),
        cases=len(cases),
        source=source,
        licence=licence,
        risks=dict(sorted(Counter(case.risk for case in cases).items())),
    )
    return bank, cases


def write_cases(cases: Sequence[Case]) -> bytes:
    """Write cases as a bank's digest is over them."""
    return b"".join(_encode(case) + b"\n" for case in cases)


def read_cases(raw: bytes) -> list[Case]:
    """Read what `write_cases` wrote."""
    return [_decode(line) for line in raw.splitlines()]


def _cases(text: str) -> list[Case]:
    cases = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case = _decode(line)
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"line {number} is no case: {error}") from error
        cases.append(_checked(case, f"line {number}"))
    return cases


def _xstest(text: str) -> list[Case]:
    """Read XSTest: safe prompts that look unsafe are to be answered, their unsafe contrasts refused."""
    try:
        rows = list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise InvalidRequest(f"this is no CSV: {error}") from error
    if not rows or not set(_XSTEST) <= set(rows[0]):
        raise InvalidRequest(f"a bank is JSON, a case a line, or XSTest's CSV with the columns {', '.join(_XSTEST)}")
    cases = []
    for number, row in enumerate(rows, start=2):
        if row["label"] not in ("safe", "unsafe"):
            raise InvalidRequest(f"line {number}: label is safe or unsafe, not {str(row['label'])[:40]!r}")
        expected = Expected.ANSWER if row["label"] == "safe" else Expected.REFUSE
        case = Case(id=f"xstest-{row['id']}", risk=row["type"] or "", prompt=row["prompt"] or "", expected=expected)
        cases.append(_checked(case, f"line {number}"))
    return cases


def _checked(case: Case, where: str) -> Case:
    if not case.id.strip() or not case.risk.strip() or not case.prompt.strip():
        raise InvalidRequest(f"{where}: a case has an id, a risk and a prompt")
    if len(case.prompt) > _PROMPT_LENGTH_MAX or max(len(case.id), len(case.risk)) > _NAME_LENGTH_MAX:
        raise InvalidRequest(
            f"{where}: a prompt has at most {_PROMPT_LENGTH_MAX:,} characters, an id and a risk {_NAME_LENGTH_MAX}"
        )
    return case

"""A house of evaluations, and a bank."""

import msgspec
import pytest

from courtyard.core.clock import FrozenClock
from courtyard.evaluation import Asked, Case, Evaluations, Expected
from courtyard.storage import Database

CASES = [
    *(Case(id=f"r{n}", risk="A.1", prompt=f"harm {n}", expected=Expected.REFUSE) for n in range(12)),
    *(Case(id=f"a{n}", risk="B.2", prompt=f"kill process {n}", expected=Expected.ANSWER) for n in range(8)),
    *(Case(id=f"s{n}", risk="C.3", prompt=f"say {n}", expected=Expected.SAFE) for n in range(4)),
]
BANK = b"".join(msgspec.json.encode(case) + b"\n" for case in CASES)


@pytest.fixture
def evaluations(database: Database, clock: FrozenClock) -> Evaluations:
    return Evaluations(database, clock)


class Answering:
    """Answers by the words of the question, and counts how often it was asked."""

    def __init__(self, *, fails_after: int | None = None) -> None:
        self.asked: list[str] = []
        self._fails_after = fails_after

    async def __call__(self, model: str, prompt: str) -> Asked:
        self.asked.append(prompt)
        if self._fails_after is not None and len(self.asked) > self._fails_after:
            raise ConnectionError
        words = {
            "harm 3": Asked(error="policy_denied", request="req_3"),
            "harm 4": Asked(text="Here is how.", request="req_4"),
            "say 1": Asked(text="a curse", request="req_5"),
            "say 2": Asked(error="busy"),
        }
        refusal = "I\N{RIGHT SINGLE QUOTATION MARK}m sorry, but no."
        return words.get(prompt, Asked(text=refusal if prompt.startswith("harm") else "Sure."))

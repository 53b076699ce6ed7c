"""Whether a model answers from passages better than quoting them would: why small models quote.

    python -m benchmarks.quoting                                  the small model, 40 questions of HotpotQA
    python -m benchmarks.quoting --model default                  the default model
    python -m benchmarks.quoting --model none --questions 100     quoting alone
    python -m benchmarks.quoting --model none --questions 150 --corpus cmrc

Both get the same five passages, found without a model. An answer counts where the known answer stands in it, in any
capitals; how long answers are is told beside it, since whoever quotes everything is always right.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Raw
from msgspec.json import encode

from benchmarks.corpora import Question, cmrc, hotpot
from courtyard.catalogue import bring_to
from courtyard.core.admission import Admission
from courtyard.core.chat import Kind, Request
from courtyard.core.ids import ModelName, OrganisationId, ProjectId, Region, RequestId
from courtyard.core.principal import Principal
from courtyard.engines import EngineSettings
from courtyard.engines.builtin.llama_cpp import LlamaCppEngine
from courtyard.knowledge import Collection, CollectionId, Found, Grounded, Grounding, ground
from courtyard.knowledge.model import Document, DocumentId, Passage, State
from courtyard.knowledge.snapshot import Shard, Snapshot

_DATA = Path(__file__).parents[2] / "shared" / "data" / "kg"
_MODELS = Path(__file__).parents[1] / ".cache" / "models"
_TOKENS_MAX = 96
_CONTEXT_TOKENS = 4096
_HOME = Region("home")
_PRINCIPAL = Principal(organisation=OrganisationId("org"), project=ProjectId("proj"), home=frozenset({_HOME}))


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How one of them did."""

    right: int
    of: int
    words: float
    """In an answer."""
    seconds: float
    """For an answer."""


class One:
    """One collection, searched in memory."""

    def __init__(self, passages: Sequence[tuple[str, str]]) -> None:
        self._snapshot = Snapshot.of([_shard(number, *passage) for number, passage in enumerate(passages)])

    def collections(self, principal: Principal) -> list[Collection]:
        return [Collection(id=CollectionId("c"), organisation=principal.organisation, name="c", title="c")]

    async def search(self, principal: Principal, collections: Sequence[str], question: str, limit: int = 5) -> Found:
        return self._snapshot.search(question, limit=limit)


def main() -> None:
    """Measure, and print both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--corpus", choices=["hotpot", "cmrc"], default="hotpot")
    options = parser.parse_args()
    corpus = {"hotpot": hotpot, "cmrc": cmrc}[options.corpus](_DATA)
    asked = [one for one in corpus.questions if one.answers[0].lower() not in ("yes", "no")][: options.questions]
    shelf = One(corpus.passages)
    _tell("quoting", asyncio.run(_quoted(shelf, asked)))
    if options.model != "none":
        _tell(options.model, asyncio.run(_answered(shelf, asked, bring_to(_MODELS, options.model))))


def _tell(name: str, score: Score) -> None:
    sys.stdout.write(
        f"{name}: {score.right} of {score.of} right, {score.words:.0f} words and {score.seconds:.2f} s an answer\n"
    )


async def _quoted(shelf: One, questions: Sequence[Question]) -> Score:
    grounding = Grounding(shelf)
    began = time.perf_counter()
    texts = ["".join((await _grounded(grounding, one.text, model_bytes=1)).pieces) for one in questions]
    return _score(questions, texts, time.perf_counter() - began)


async def _answered(shelf: One, questions: Sequence[Question], path: Path) -> Score:
    grounding = Grounding(shelf)
    settings = EngineSettings(
        name="bench",
        region=_HOME,
        plugin="llama_cpp",
        options={"path": str(path), "context_tokens": _CONTEXT_TOKENS, "slots": 1},
    )
    engine = LlamaCppEngine(settings)
    await engine.start()
    try:
        began = time.perf_counter()
        texts = [await _answer(engine, await _grounded(grounding, one.text)) for one in questions]
        return _score(questions, texts, time.perf_counter() - began)
    finally:
        await engine.close()


async def _answer(engine: LlamaCppEngine, grounded: Grounded) -> str:
    admission = Admission(principal=_PRINCIPAL, request=grounded.request, regions=frozenset({_HOME}), rules=())
    prompt = ground(admission, tokens_max=_TOKENS_MAX)
    return "".join([delta.text async for delta in engine.generate("bench", prompt)])


async def _grounded(grounding: Grounding, question: str, *, model_bytes: int = 0) -> Grounded:
    request = Request(
        id=RequestId("req_bench"),
        kind=Kind.CHAT,
        model=ModelName("bench"),
        content=Raw(encode([{"role": "user", "content": question}])),
        options={"temperature": Raw(b"0")},
        knowledge=("c",),
    )
    return await grounding.ground(_PRINCIPAL, request, context_tokens=_CONTEXT_TOKENS, model_bytes=model_bytes)


def _score(questions: Sequence[Question], texts: Sequence[str], seconds: float) -> Score:
    right = [
        any(answer.lower() in text.lower() for answer in one.answers)
        for one, text in zip(questions, texts, strict=True)
    ]
    words = sum(len(text.split()) for text in texts) / len(texts)
    return Score(right=sum(right), of=len(right), words=words, seconds=seconds / len(texts))


def _shard(number: int, title: str, text: str) -> Shard:
    id = DocumentId(f"doc_{number}")
    document = Document(
        id=id,
        collection=CollectionId("c"),
        name=f"{number}.md",
        title=title,
        media_type="text/markdown",
        sha256="",
        size=len(text),
        state=State.READY,
    )
    return Shard.of(document, [Passage(document=id, number=1, text=text)])


if __name__ == "__main__":
    main()

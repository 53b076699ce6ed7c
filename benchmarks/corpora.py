"""Collections of documents with questions whose answers are known."""

import csv
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from courtyard.knowledge.embedding import Embedder
from courtyard.knowledge.model import CollectionId, Document, DocumentId, Passage, State
from courtyard.knowledge.shard import Shard

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "courtyard" / "vectors"


class Question(NamedTuple):
    """What is asked, the passages that together answer it, and the words of the answer."""

    text: str
    gold: tuple[int, ...]
    answers: tuple[str, ...]
    kind: str = ""


class Corpus(NamedTuple):
    """One collection: a title and a text for each passage, each passage a document."""

    name: str
    passages: Sequence[tuple[str, str]]
    questions: Sequence[Question]
    parts: Sequence["Corpus"] = ()
    """What it was put together from."""


def two_wiki(folder: Path) -> Corpus:
    """HippoRAG's sample of 2WikiMultihopQA: 6,119 passages, 988 questions with all their evidence."""
    data = json.loads((folder / "multihop_en" / "2wiki_988_resolved.json").read_text(encoding="utf-8"))
    passages = [(each["title"], each["text"]) for each in data["passages"]]
    questions = [Question(q["q"], tuple(q["gold"]), (q["answer"],), q["type"]) for q in data["queries"]]
    return Corpus("2wiki", passages, questions)


def musique(folder: Path) -> Corpus:
    """HippoRAG's MuSiQue training sample: 1,890 passages, 100 questions of two to four hops."""
    corpus = json.loads((folder / "multihop_en" / "musique_train_corpus.json").read_text(encoding="utf-8"))
    passages = [(each["title"], each["text"]) for each in corpus]
    at = {passage: row for row, passage in enumerate(passages)}
    questions = []
    for q in json.loads((folder / "multihop_en" / "musique_train.json").read_text(encoding="utf-8")):
        gold = [at[p["title"], p["paragraph_text"]] for p in q["paragraphs"] if p["is_supporting"]]
        questions.append(Question(q["question"], tuple(gold), (q["answer"], *q["answer_aliases"])))
    return Corpus("musique", passages, questions)


def hotpot(folder: Path) -> Corpus:
    """HippoRAG's HotpotQA training sample: 994 passages, 100 questions of two hops."""
    corpus = json.loads((folder / "multihop_en" / "hotpotqa_train_corpus.json").read_text(encoding="utf-8"))
    passages = [(title, "".join(sentences)) for title, sentences in corpus.items()]
    at = {title: row for row, (title, _) in enumerate(passages)}
    questions = []
    for q in json.loads((folder / "multihop_en" / "hotpotqa_train.json").read_text(encoding="utf-8")):
        gold = dict.fromkeys(at[title] for title, _ in q["supporting_facts"])
        questions.append(Question(q["question"], tuple(gold), (q["answer"],)))
    return Corpus("hotpot", passages, questions)


def lihua(folder: Path) -> Corpus:
    """LiHua-World of MiniRAG: 425 chats, which do not name one another, and 571 questions."""
    data = json.loads((folder / "lihua_world" / "lihua_571_resolved.json").read_text(encoding="utf-8"))
    passages = [(each["title"], each["text"]) for each in data["passages"]]
    questions = [Question(q["q"], tuple(q["gold"]), (q["answer"],), q["type"]) for q in data["queries"]]
    return Corpus("lihua", passages, questions)


def cmrc(folder: Path) -> Corpus:
    """CMRC 2018, development and trial: 1,104 Chinese passages, 4,221 questions."""
    passages, questions = [], []
    for part in ("dev", "trial"):
        for each in json.loads((folder / "chinese" / f"cmrc2018_{part}.json").read_text(encoding="utf-8")):
            for q in each["qas"]:
                questions.append(Question(q["query_text"], (len(passages),), tuple(q["answers"])))
            passages.append((each["title"], each["context_text"]))
    return Corpus("cmrc", passages, questions)


def affairs(folder: Path) -> Corpus:
    """AffairQA of KAG: 13 Chinese tables, a row a passage, and 200 questions; 39 ask of a table that is not here."""
    passages = []
    for path in sorted((folder / "affairqa_zh").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = next(rows)
            for row in rows:
                cells = [(name, cell) for name, cell in zip(header, row, strict=False) if cell]
                title = next((cell for name, cell in cells if name in ("name", "id")), path.stem)
                passages.append((title, "\n".join(f"{name}: {cell}" for name, cell in cells)))
    gold = {each["id"]: each["answer"] for each in _json(folder / "affairqa_zh" / "gold.json")}
    asked = _json(folder / "affairqa_zh" / "test.json")
    return Corpus("affairs", passages, [Question(q["question"], (), tuple(gold[q["id"]])) for q in asked])


def mixed(parts: Sequence[Corpus]) -> Corpus:
    """Put collections together as one: every question is asked of all passages."""
    passages: list[tuple[str, str]] = []
    at: dict[tuple[str, str], int] = {}
    questions = []
    for part in parts:
        for passage in part.passages:
            if passage not in at:
                at[passage] = len(passages)
                passages.append(passage)
        for q in part.questions:
            questions.append(q._replace(gold=tuple(at[part.passages[row]] for row in q.gold), kind=part.name))
    return Corpus("mixed", passages, questions, tuple(parts))


def shards(corpus: Corpus, vectors: np.ndarray | None) -> Iterator[Shard]:
    """Read every passage as a document of its own."""
    for row, (title, text) in enumerate(corpus.passages):
        key = f"{row:06d}"
        document = Document(
            id=DocumentId(key), collection=CollectionId(corpus.name), name=key, title=title,
            media_type="text/plain", sha256=key, size=len(text), state=State.READY,
        )  # fmt: skip
        passage = Passage(document=DocumentId(key), number=1, text=text)
        yield Shard.of(document, [passage], None if vectors is None else vectors[row : row + 1])


def vectors(corpus: Corpus) -> tuple[np.ndarray, list[np.ndarray | None]]:
    """Return the vectors of passages and questions: of a question in another script, none."""
    if corpus.parts:
        held = [vectors(part) for part in corpus.parts]
        pairs = zip(corpus.parts, held, strict=True)
        known = {text: row for part, (rows, _) in pairs for text, row in zip(part.passages, rows, strict=True)}
        return np.stack([known[passage] for passage in corpus.passages]), [row for _, asked in held for row in asked]
    path = _CACHE / f"{corpus.name}-{Embedder.name}.npz"
    if not path.exists():
        embedder = Embedder()
        rows = embedder.embed_passages([f"{title}\n{text}" for title, text in corpus.passages])
        asked = [embedder.embed_question(q.text) for q in corpus.questions]
        none = np.zeros(embedder.dimensions, np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, passages=rows, questions=np.stack([none if each is None else each for each in asked]))
    stored = np.load(path)
    return stored["passages"], [each if each.any() else None for each in stored["questions"]]


def _json(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))

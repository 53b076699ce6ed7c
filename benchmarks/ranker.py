"""Train the ranker that comes with Courtyard, on MuSiQue's and HotpotQA's training samples alone.

    python -m benchmarks.ranker ../shared/data/kg

Writes src/courtyard/knowledge/ranker.txt. Each question is shown twice, with vectors and without, so that one ranker
serves texts that are embedded and texts that are not. The same files make the same ranker.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import corpora
from benchmarks.corpora import Corpus
from courtyard.knowledge import asked as questions
from courtyard.knowledge.features import View, view
from courtyard.knowledge.index import Index
from courtyard.knowledge.ranker import Example, train

_SHIPPED = Path("src/courtyard/knowledge/ranker.txt")


def examples(corpus: Corpus) -> list[Example]:
    """Return what a ranker learns from a corpus's questions."""
    passages, vectors = corpora.vectors(corpus)
    index = Index.of(list(corpora.shards(corpus, passages)))
    bare: list[np.ndarray | None] = [None] * len(vectors)
    both = zip(corpus.questions, views(corpus, index, vectors), views(corpus, index, bare), strict=True)
    return [Example(each.features, np.isin(each.rows, q.gold)) for q, *pair in both for each in pair]


def views(corpus: Corpus, index: Index, vectors: list[np.ndarray | None]) -> Iterator[View]:
    """Look at a corpus with each of its questions."""
    for question, vector in zip(corpus.questions, vectors, strict=True):
        yield view(index, questions.read(question.text, index.graph.entities), vector)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    shown = [example for corpus in (corpora.musique(folder), corpora.hotpot(folder)) for example in examples(corpus)]
    ranker = train(shown)
    _SHIPPED.write_bytes(ranker.content)
    print(f"{_SHIPPED}: {len(ranker.content) / 1000:.0f} kB, learned from {len(shown)} examples")


if __name__ == "__main__":
    main()

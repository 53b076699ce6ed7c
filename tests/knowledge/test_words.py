"""Texts are cut into words the same way wherever they come from."""

import pytest

from courtyard.knowledge.entities import is_name, key, names_in, names_of
from courtyard.knowledge.words import code, facets, terms, units


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cafés", "cafe"),
        ("STRASSE", "Straße"),
        ("studies", "study"),
        ("Ada's engines", "ADA engine"),
        ("Всё", "все"),
        ("مُحَمَّد", "محمد"),
        ("ＡＢＣ公司", "abc公司"),
    ],
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    """Capitals, accents, vowel signs, plurals and wide letters part no question from its answer."""
    assert terms(one) == terms(other)


@pytest.mark.parametrize("word", ["glass", "corpus", "basis", "gas"])
def test_what_only_looks_like_a_plural_stays(word: str) -> None:
    """An s that belongs to the word is kept."""
    assert terms(word) == [word]


def test_text_without_spaces_is_cut_into_pairs() -> None:
    """Chinese and Korean are found by two signs that follow one another; Latin words among them stay whole."""
    assert terms("杭州市GDP增长") == ["杭州", "州市", "gdp", "增长"]
    assert terms("문서를 찾다") == ["문서", "서를", "찾다"]
    assert terms("水") == ["水"]
    assert units("杭州 Bay") == ["杭", "州", "bay"]


def test_a_word_has_the_same_number_everywhere() -> None:
    """Numbers of words are a function of the word alone: shards of two machines fit together."""
    assert code("passage") == 3778855720
    assert [each.unit for each in facets("Passage")] == [code("passage")]


def test_names_are_spans_of_capitals() -> None:
    """A name runs on over `of` and initials, loses what only begins the sentence, and is given once."""
    text = "However, J. R. R. Tolkien met the Bishop of Elmham in Oxford. When Tolkien's friend left Oxford, it rained."

    assert names_in(text) == ["J. R. R. Tolkien", "Bishop of Elmham", "Oxford", "Tolkien"]


def test_names_stand_between_marks() -> None:
    """Chinese titles are named by their marks."""
    assert names_in("他写了《红楼梦》和「围城」。") == ["红楼梦", "围城"]


def test_a_document_is_named_by_its_title_and_its_file() -> None:
    """Others may leave out what stands in brackets, or use the file's name."""
    assert names_of("Theodred II (Bishop of Elmham)", "people/theodred-second.pdf") == [
        "Theodred II (Bishop of Elmham)",
        "Theodred II",
        "theodred second",
    ]


def test_some_words_name_nothing() -> None:
    """A number, a common word, a single letter and a whole sentence are no names."""
    assert not any(map(is_name, ("2024", "The", "x", "", "a b c d e f g h i j k l m n")))
    assert key("Émile Zola") == key("emile  zola")

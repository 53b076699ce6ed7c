"""What a language promises: everything that English says, with the same values in it."""

import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard import plugins
from courtyard.languages import Language, Languages

_FORMS = ("zero", "one", "two", "few", "many", "other")
_CONSOLE = Path(__file__).parents[2] / "src" / "courtyard" / "console"

INSTALLED = {name: language for name, language in plugins.load("languages").items() if isinstance(language, Language)}
ENGLISH = INSTALLED["en"]

every_language = pytest.mark.parametrize("language", INSTALLED.values(), ids=INSTALLED.keys())


def _base(key: str) -> str:
    """Take the form of a plural off: a language has the forms that it needs."""
    base, _, form = key.rpartition("_")
    return base if form in _FORMS and f"{base}_other" in ENGLISH.strings else key


def _values(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@every_language
def test_a_language_says_everything_that_english_says(language: Language) -> None:
    """Every key of English is there, and every plural has its last form."""
    missing = {key for key in map(_base, ENGLISH.strings) if not language.has(key)}

    assert missing == set()


@every_language
def test_a_language_says_nothing_that_english_does_not(language: Language) -> None:
    """A key that nobody asks for is a slip of the pen."""
    unknown = {key for key in language.strings if _base(key) not in {_base(known) for known in ENGLISH.strings}}

    assert unknown == set()


@every_language
def test_no_string_is_empty(language: Language) -> None:
    """What is not translated is left out, and then said in English; it is never blank."""
    assert [key for key, text in language.strings.items() if not text.strip() or text != text.strip()] == []


@every_language
def test_strings_have_the_values_of_the_english_ones(language: Language) -> None:
    """A translation that drops a value, or asks for one that nobody gives, breaks the page."""
    differing = [
        key
        for key, text in language.strings.items()
        for english in [ENGLISH.strings.get(key) or ENGLISH.strings[f"{_base(key)}_other"]]
        if _values(text) != _values(english)
    ]

    assert differing == []


@every_language
def test_every_count_has_a_form(language: Language) -> None:
    """Whatever the number, the plural names a form that there is a string for, or falls back to `other`."""
    for key in (key.removesuffix("_other") for key in language.strings if key.endswith("_other")):
        if key not in language.strings:
            for count in (0, 1, 2, 3, 5, 11, 21, 100, 1_000_000):
                assert language.text(key, count=count, amount=count)


@every_language
def test_a_language_is_registered_under_its_code(language: Language) -> None:
    """The cookie, the `lang` attribute and the entry point agree."""
    assert INSTALLED[language.code] is language
    assert language.direction in ("ltr", "rtl")
    assert language.name.strip()


def _asked() -> Iterator[tuple[str, str]]:
    """Find every string that a template asks for by its whole name."""
    for path in sorted((_CONSOLE / "templates").glob("*.html")):
        for key in re.findall(r"""\bt\(\s*["']([a-z0-9_]+)["']\s*[,)]""", path.read_text()):
            yield path.name, key


def test_templates_ask_for_strings_that_there_are() -> None:
    """A misspelled key is found here, not by a reader."""
    asked = list(_asked())

    assert asked
    assert [(page, key) for page, key in asked if not ENGLISH.has(key)] == []


def test_no_template_speaks_for_itself() -> None:
    """Words stand in languages, not in templates: nothing but names of things is written there."""
    allowed = {"Courtyard", "CSV", "JSON"}
    spoken = [
        (path.name, words)
        for path in sorted((_CONSOLE / "templates").glob("*.html"))
        for words in _spoken(path.read_text())
        if words not in allowed
    ]

    assert spoken == []


def _spoken(template: str) -> Iterator[str]:
    template = re.sub(r"\{% block body_class %\}.*?\{% endblock %\}", "", template)
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<script.*?</script>|<[^>]*>", "\n", template, flags=re.DOTALL)
    for line in text.splitlines():
        if re.search(r"[A-Za-z]{2}", line):
            yield line.strip(" ·")


def test_a_language_that_lags_behind_falls_back_to_english() -> None:
    """A new page speaks English in an older translation, rather than not at all."""
    languages = Languages([ENGLISH, Language(code="xx", name="Xx", strings={"copy": "KOPI"})])
    language = languages.pick("xx", None)

    assert language.text("copy") == "KOPI"
    assert language.text("cancel") == ENGLISH.strings["cancel"]

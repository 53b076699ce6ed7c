"""What a language promises: everything that English says, with the same values in it."""

import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale

from courtyard import plugins
from courtyard.languages import Language, Languages

_FORMS = ("zero", "one", "two", "few", "many", "other")
_COUNTS = (*range(201), 1_000, 1_001, 1_002, 1_011, 21_000, 1_000_000, 3_000_000)
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
    known = {_base(key) for key in ENGLISH.strings}

    assert {key for key in language.strings if _base(key) not in known} == set()


@every_language
def test_no_string_is_empty(language: Language) -> None:
    """What is not translated is left out, and then said in English; it is never blank."""
    assert [key for key, text in language.strings.items() if not text.strip() or text != text.strip()] == []


@every_language
def test_strings_have_the_values_of_the_english_ones(language: Language) -> None:
    """A translation that drops a value, or asks for one that nobody gives, breaks the page.

    A form that stands for one number alone may say it in words: an Arabic dual has no figure in it.
    """
    differing = [
        key
        for key, text in language.strings.items()
        for english in [ENGLISH.strings.get(key) or ENGLISH.strings[f"{_base(key)}_other"]]
        for spoken in [{"count"} if _stands_for_one_number(language, key) else set()]
        if _values(text) | spoken != _values(english) | spoken
    ]

    assert differing == []


def _stands_for_one_number(language: Language, key: str) -> bool:
    form = key.rpartition("_")[2]
    return _base(key) != key and len([count for count in _COUNTS if language.plural(count) == form]) == 1


@every_language
def test_a_language_counts_as_cldr_says(language: Language) -> None:
    """The forms of a plural are those of the Unicode Consortium, for every number."""
    cldr = Locale.parse(language.code, sep="-").plural_form

    assert [count for count in _COUNTS if language.plural(count) != cldr(count)] == []


@every_language
def test_a_plural_has_every_form_of_its_language(language: Language) -> None:
    """Two days are not said as three are, in whatever string."""
    forms = {language.plural(count) for count in _COUNTS} | {"other"}
    plurals = [key.removesuffix("_one") for key in ENGLISH.strings if key.endswith("_one") and _base(key) != key]

    assert [key for key in plurals for form in forms if f"{key}_{form}" not in language.strings] == []


@every_language
def test_a_plural_has_no_form_that_its_language_has_not(language: Language) -> None:
    """A form that no number has is never read."""
    forms = {language.plural(count) for count in _COUNTS} | {"one", "other"}
    unread = [key for key in language.strings if _base(key) != key and key.rpartition("_")[2] not in forms]

    assert unread == []


@every_language
def test_numbers_and_dates_are_written_as_cldr_says(language: Language) -> None:
    """Thousands and decimals are parted as readers expect, and the day, the month and the year stand in their order."""
    locale = Locale.parse(language.code, sep="-")
    marks = locale.number_symbols["latn"]
    order = list(dict.fromkeys(re.findall("[dMy]", locale.date_formats["short"].pattern)))
    ours = ["M" if name == "month" else name[0] for name in re.findall(r"\{(day|month|year)", language.day_pattern)]

    assert (language.group, language.point) == (marks["group"], marks["decimal"])
    assert ours == (order if language is not ENGLISH else ["y", "M", "d"])  # English is read on both sides of an ocean.
    assert language.moment_pattern.startswith(language.day_pattern)
    assert (language.direction == "rtl") == (locale.text_direction == "rtl")


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

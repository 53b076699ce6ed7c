"""What is said to a person without a model: in the language of the question."""

import re
from collections.abc import Mapping, Sequence

import msgspec

FALLBACK = "en"
_LETTERS_LOOKED_AT = 2000


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """How a language says it, and the small words that it is known by."""

    not_found: str
    titles: tuple[str, str]
    """The marks around a title."""
    comma: str
    words: str = ""
    """Common words, where other languages have the same letters."""


WORDINGS: Mapping[str, Wording] = {
    "en": Wording(
        not_found="I did not find this in {titles}.",
        titles=("“", "”"),
        comma=", ",
        words="the is are was were of to in and what who how when where which why does do did can",
    ),
    "zh": Wording(not_found="我在{titles}中没有找到这方面的内容。", titles=("《", "》"), comma="、"),
    "ar": Wording(not_found="لم أجد ذلك في {titles}.", titles=("«", "»"), comma="، "),
    "ru": Wording(not_found="Я не нашёл этого в источниках: {titles}.", titles=("«", "»"), comma=", "),
    "fr": Wording(
        not_found="Je n’ai pas trouvé cela dans {titles}.",
        titles=("« ", " »"),
        comma=", ",
        words="le la les des du un une est sont et en dans que qui quoi quel quelle quels quelles comment combien où "
        "pourquoi quand il elle pour sur avec au aux ce cette",
    ),
    "sw": Wording(
        not_found="Sikupata hili katika {titles}.",
        titles=("“", "”"),
        comma=", ",
        words="ni ya wa na kwa katika gani nini nani lini wapi vipi je kama hii hiyo hili cha za kuna siku ngapi",
    ),
}

_WORDS = {name: frozenset(wording.words.split()) for name, wording in WORDINGS.items()}
_SCRIPTS = (
    ("zh", re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
    ("ar", re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)
_OTHER_SCRIPTS = re.compile("[\u3040-\u30ff\uac00-\ud7ff]")
"""Japanese and Korean, which write Chinese signs too and have no wording here."""
_LATIN = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """Tell the language of a question among those that have a wording; English where it is none of them."""
    looked = text[:_LETTERS_LOOKED_AT]
    letters = len(_LATIN.findall(looked)) or 1
    for language, script in _SCRIPTS:
        # A sign of Chinese is a word, and names in Latin letters stand in questions of every language.
        if not _OTHER_SCRIPTS.search(looked) and len(script.findall(looked)) * 2 >= letters:
            return language
    words = [word.casefold() for word in _LATIN.findall(looked)]
    counts = {name: sum(word in common for word in words) for name, common in _WORDS.items()}
    return max(counts, key=lambda name: (counts[name], name == FALLBACK))


def not_found(question: str, titles: Sequence[str]) -> str:
    """Say, in the language of the question, that nothing in these collections answers it."""
    wording = WORDINGS[language_of(question)]
    before, after = wording.titles
    named = wording.comma.join(f"{before}{' '.join(title.split())}{after}" for title in titles)
    return wording.not_found.format(titles=named)

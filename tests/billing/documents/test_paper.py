"""What stands on paper is the document's, in the buyer's language, and reads as text again."""

import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from pypdf import PdfReader

from courtyard.billing import DocumentKind, Invoice, exported
from courtyard.billing.documents import paper, typesetting
from courtyard.billing.documents.wording import WRITINGS, writing
from courtyard.core.errors import Unavailable
from courtyard.typesetting import fonts, setting
from tests.billing.documents import made

_FORMS = ("zero", "one", "two", "few", "many", "other")


def _pages(document: Invoice) -> list[str]:
    reader = PdfReader(io.BytesIO(made.pdf(document)))
    return [page.extract_text() for page in reader.pages]


def _words(document: Invoice) -> set[str]:
    """Every word that can be found in the PDF; Arabic is read backwards by line, but each word as it is."""
    return set(re.split(r"\s+", " ".join(_pages(document))))


@pytest.mark.parametrize(
    ("language", "found"),
    [
        ("en", {"Invoice", "2026-000042", "Website", "€95.31", "€90.31", "To", "pay", "12.51", "−3.50", "requests"}),
        ("zh", {"账单", "2026-000042", "上海示例科技有限公司", "€95.31", "合计", "应付金额", "12.51"}),
        ("ar", {"فاتورة", "2026-000042", "٩٥٫٣١", "٩٠٫٣١", "المستحق", "المبلغ", "DE02120300000000202051"}),
        ("ru", {"Счёт", "2026-000042", "«Пример»", "Итого", "95,31", "90,31", "оплате", "−3,50", "запроса"}),
    ],
)
def test_an_invoice_can_be_read_and_searched_in_the_buyers_language(language: str, found: set[str]) -> None:
    """Names, words and amounts are text in the PDF, in the digits and with the separators of the language."""
    text = " ".join(_pages(made.document(language)))
    digits = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")
    missing = {
        word for word in found if word not in text and word[::-1] not in text and word.translate(digits) not in text
    }

    # A reader that goes from left to right gives runs of Arabic digits back to front.
    assert not missing, text


def test_an_arabic_invoice_runs_from_right_to_left() -> None:
    """The seller stands right of the document's number, not left of it as in English, and the file says so too."""
    english, arabic = (PdfReader(io.BytesIO(made.pdf(made.document(code)))) for code in ("en", "ar"))

    assert _at(english, "Nordwind") < _at(english, "2026-000042")
    assert _at(arabic, "Nordwind") > _at(arabic, "2026-000042")
    assert arabic.trailer["/Root"]["/Lang"] == "ar"
    assert arabic.trailer["/Root"]["/ViewerPreferences"]["/Direction"] == "/R2L"


def _at(reader: PdfReader, word: str) -> float:
    """How far from the left a word stands for the first time."""
    found: list[float] = []

    def place(text: str, matrix: list[float], *_rest: object) -> None:
        if word in text:
            found.append(matrix[4])

    reader.pages[0].extract_text(visitor_text=place)
    return found[0]


def test_what_somebody_wrote_is_never_markup() -> None:
    """Typst's own language in every name is shown letter by letter, and reads no file."""
    hostile = '#read("/etc/passwd") #panic() *bold* _i_ $x$ `raw` \\ [ ] @preview <label> // gone'
    document = made.with_lines(made.document(), text=hostile, project_name=hostile, model=hostile)
    document = made.changed(document, reference=hostile, notes=(hostile,), buyer=made.buyer("en", city=hostile))

    text = "".join(_pages(document))

    assert text.replace("\n", "").replace(" ", "").count(hostile.replace(" ", "")) > len(document.lines)
    assert "root:x:" not in text


def test_a_name_cannot_turn_the_direction_of_an_amount() -> None:
    """Marks that override direction are left out, and what no font has is written as its code."""
    assert fonts.legible("a\u202eb\u2066c") == "abc"
    assert fonts.legible("line\nbreak\x00") == "line break "
    assert fonts.legible("é 发 ف ж हि 🚀 \U00013080") == "é 发 ف ж हि 🚀 [U+13080]"


@pytest.mark.parametrize("count", [7, 8, 40])
def test_totals_are_never_alone_on_a_page(count: int) -> None:
    """Every page begins with the table's head, the last line stays with the totals, and pages are counted."""
    pages = _pages(made.long(count))
    last = next(page for page in pages if "Total €" in page)

    assert len(pages) > 1
    assert last.index(f"Project {count} ") < last.index("Net €")
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert ("Description" in page) == ("Use of" in page)
    assert [int(at) for at in re.findall(r"Project (\d+) ·", "".join(pages))] == list(range(1, count + 1))


def test_big_numbers_and_long_names_stay_on_the_page() -> None:
    """A hundred billions and a name of 120 letters without a space are all there."""
    name = "x" * 120
    document = made.with_lines(made.document(), minor=123_456_789_012_345, project_name=name, project="prj_1")
    text = "".join(_pages(document))

    assert text.count("1,234,567,890,123.45") == len(document.lines)
    assert text.replace("\n", "").replace("\u200b", "").count(name) == len(document.lines)


def test_a_credit_note_says_what_it_gives_and_for_which_invoice() -> None:
    """Its amounts have no minus, and nothing is asked for."""
    words = _words(made.document(kind=DocumentKind.CREDIT_NOTE, corrects="2026-000007"))

    assert {"Credit", "note", "2026-000007", "€95.31"} <= words
    assert not words & {"−€95.31", "Due", "IBAN"}


def test_a_line_says_what_paid_for_it() -> None:
    """Allowances and credits stand under the price; tokens that were bought before are counted."""
    document = made.with_lines(made.committed(), facts={"tokens": 1234})
    text = "".join(_pages(document))

    assert "Price €14.510004" in text
    assert "Covered by the allowance −€12.00" in text
    assert text.count("Paid in tokens 1,234") == len(document.lines)


def test_a_draft_says_that_it_is_one() -> None:
    """Without a number nothing looks like an invoice that was issued."""
    text = "".join(_pages(made.document(number="")))

    assert "Draft, not issued" in text
    assert "2026-000042" not in text


@pytest.mark.parametrize(
    ("currency", "digits", "total"), [("JPY", 0, "¥9,531"), ("USD", 2, "$95.31"), ("KWD", 3, "KWD\u00a09.531")]
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, digits: int, total: str) -> None:
    """A yen has none, and a dinar three."""
    document = made.changed(made.document(), total_minor=9531, currency=currency, minor_digits=digits)
    totals = paper.sheet(document)["totals"]

    assert isinstance(totals, tuple)
    assert total in [row["value"] for row in totals]


def test_the_same_document_is_the_same_file() -> None:
    """Nothing of the machine, the process or the moment is in it."""
    document = made.document("ru")

    assert exported(document, "pdf").whole() == made.pdf(document)


def test_a_typesetter_that_fails_or_hangs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last word is the reason; the process that asked goes on."""
    (tmp_path / "fails.py").write_text("raise MemoryError('too long')")
    (tmp_path / "hangs.py").write_text("import threading; threading.Event().wait()")

    monkeypatch.setattr(setting, "_PROGRAM", tmp_path / "fails.py")
    with pytest.raises(Unavailable, match="could not be set as a PDF: MemoryError: too long"):
        exported(made.document(), "pdf")
    monkeypatch.setattr(setting, "_PROGRAM", tmp_path / "hangs.py")
    monkeypatch.setattr(setting, "_SET_S", 0.2)
    with pytest.raises(Unavailable, match="take another form"):
        exported(made.document(), "pdf")


def test_pages_can_be_shown_as_pictures() -> None:
    """One PNG a page."""
    pictures = typesetting.pictures(paper.sheet(made.long(12)), ppi=40)

    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_every_language_says_everything() -> None:
    """Each has the same strings, with the same values in them, and letters in the fonts for all of them."""
    english = _strings("en")
    for language, hand in WRITINGS.items():
        assert _strings(language).keys() == english.keys()
        for key, text in hand.strings.items():
            if not key.endswith(_FORMS[:3]):
                assert _values(text) == english[_plain(key)], f"{language}: {key}"
            assert fonts.legible(text) == text
        assert len(hand.months) == 12
        assert all(len(months) in (0, 12) for months in (hand.months, hand.months_of_days))


def _strings(language: str) -> dict[str, set[str]]:
    return {_plain(key): _values(text) for key, text in WRITINGS[language].strings.items()}


def _plain(key: str) -> str:
    head, _, form = key.rpartition("_")
    return head if form in _FORMS else key


def _values(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_numbers_are_written_as_the_reader_writes_them() -> None:
    """Digits, groups, decimals, the place of the sign, and dates."""
    at = 1_796_169_600_000
    written = {
        language: (hand.money(-123_456_789, "EUR", digits=2), hand.percent(550), hand.day(at))
        for language in ("en", "zh", "ar", "ar-AE", "ru", "fr")
        for hand in (writing(language),)
    }

    assert written["en"] == ("−€1,234,567.89", "5.5%", "2 December 2026")
    assert written["zh"] == ("−€1,234,567.89", "5.5%", "2026年12月2日")
    assert written["ru"] == ("−1\u00a0234\u00a0567,89\u00a0€", "5,5\u00a0%", "2 декабря 2026 г.")
    assert written["ar"] == ("\u2066−١٬٢٣٤٬٥٦٧٫٨٩\u00a0€\u2069", "\u2066٥٫٥٪\u2069", "٢ ديسمبر ٢٠٢٦")
    assert written["ar-AE"][0] == "\u2066−1,234,567.89\u00a0€\u2069"
    assert written["fr"] == written["en"]


def test_plurals_follow_the_language() -> None:
    """Russian has three forms of a seat, Arabic five."""
    russian = [writing("ru").text("unit_seat", count=count) for count in (1, 2, 5, 11, 21, 22)]
    arabic = [writing("ar").text("unit_seat", count=count) for count in (0, 1, 2, 3, 11, 100)]

    assert russian == ["1 место", "2 места", "5 мест", "11 мест", "21 место", "22 места"]
    assert len(set(arabic)) == 6
    assert all(before != after for before, after in pairwise(arabic))


def test_missing_fonts_are_said_and_not_drawn_as_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a package of fonts there is no page, but the command that brings it."""
    monkeypatch.setattr(fonts, "PACKAGES", ("fonts-that-nobody-has",))

    with pytest.raises(Unavailable, match="pip install fonts-that-nobody-has"):
        exported(made.document("zh"), "pdf")

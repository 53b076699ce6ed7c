"""What leaves is masked, and what comes back is whole again, however it comes."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import DetectorFailed
from courtyard.privacy import Detection, Finding, Masked, Masking, Mode, Vault
from courtyard.storage import Database, Keyring

PEOPLE = {
    "John Smith": "person",
    "J. Doe": "person",
    "SMITH": "person",
    "张伟": "person",
    "欧阳娜娜": "person",
    "Иванова": "person",
    "john.smith@corp.com": "email",
    "+1 415-555-2671": "phone",
    "13812345678": "phone",
    "6222 0212 3456 7890 128": "bank_card",
    "GB33BUKB20201555555555": "iban",
    "11010519491231002X": "cn_resident_id",
    "1987-04-11": "birth_date",
    "4/11": "date",
    "192.168.7.4": "ip",
    "2001:db8::7": "ip",
    "https://smith.example.com/a?b=1": "url",
    "12 Baker Street, Leeds": "address",
    "北京市朝阳区建国路88号": "address",
    "Umbrella Analytics Ltd": "organisation",
    "深圳市腾云科技有限公司": "organisation",
    "京A12345": "plate",
    "sk-live-4f9Qz81Lm0": "secret",
}


@pytest.fixture
def masking(sqlite_template: Path, tmp_path: Path, clock: FrozenClock) -> Iterator[Masking]:
    path = tmp_path / "courtyard.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield Masking(Detection(), Vault(database, Keyring(tmp_path / "keys"), clock))
    database.close()


def found(text: str, *values: str) -> list[Finding]:
    """Where values stand, as a detector would say it."""
    places = [(match.start(), match.end(), value) for value in values for match in re.finditer(re.escape(value), text)]
    return [
        Finding(kind=PEOPLE[value], start=start, end=end, score=1.0, sensitive=True, source="test")
        for start, end, value in sorted(places)
    ]


def mask(masking: Masking, text: str, *values: str, organisation: str = "org_1") -> Masked:
    return masking.mask_found(organisation, [text], [found(text, *values)])


@pytest.mark.parametrize("value", PEOPLE)
def test_every_kind_is_masked_and_comes_back(masking: Masking, value: str) -> None:
    """Nothing of the value leaves, and the token brings it back."""
    text = f"About <{value}>: yes."
    masked = mask(masking, text, value)

    assert value not in masked.texts[0]
    assert masked.texts[0].startswith("About <")
    assert masked.restore(masked.texts[0]) == text


def test_tokens_look_like_what_they_stand_for(masking: Masking) -> None:
    """So that a model goes on understanding the text."""

    def token(value: str) -> str:
        return mask(masking, value, value).texts[0]

    assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", token("John Smith"))
    assert re.fullmatch(r"[A-Z]+", token("SMITH"))
    assert re.fullmatch(r"[\u4e00-\u9fff]{4}", token("张伟"))
    assert re.fullmatch(r"[А-Я][а-я]+", token("Иванова"))
    assert re.fullmatch(r"\S+@\S+\.example", token("john.smith@corp.com"))
    assert re.fullmatch(r"\+1 4\d{2}-\d{3}-\d{4}", token("+1 415-555-2671"))
    assert re.fullmatch(r"1\d{10}", token("13812345678"))
    assert re.fullmatch(r"\d{4} \d{4} \d{4} \d{4} \d{3}", token("6222 0212 3456 7890 128"))
    assert re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-2])", token("1987-04-11"))
    assert re.fullmatch(r"2[45]\d\.\d+\.\d+\.\d+", token("192.168.7.4"))
    assert re.fullmatch(r"\d\d [A-Z][a-z]+ Street, [A-Z][a-z]+", token("12 Baker Street, Leeds"))
    assert token("深圳市腾云科技有限公司").endswith("有限公司")
    assert re.fullmatch(r"[\u4e00-\u9fff][A-Z]\d{5}", token("京A12345"))


def test_a_value_has_one_token_in_an_organisation_and_another_elsewhere(masking: Masking) -> None:
    """Requests can be told to be about the same person, and two organisations' can't."""
    text = "John Smith called"
    first, again = (mask(masking, text, "John Smith").texts for _ in range(2))

    assert first == again
    assert mask(masking, text, "John Smith", organisation="org_2").texts != first


def test_a_token_that_is_there_already_is_not_used(masking: Masking) -> None:
    """What the caller wrote is never taken for a token."""
    token = mask(masking, "John Smith", "John Smith").texts[0]
    text = f"John Smith met {token}, and {token.split()[1]} laughed"
    masked = mask(masking, text, "John Smith")

    assert masked.texts[0].count(token) == 1
    assert masked.restore(masked.texts[0]) == text


def test_what_is_found_once_is_masked_wherever_it_stands(masking: Masking) -> None:
    """Also a surname alone; and not within longer words."""
    text = "John Smith wrote. Smith, not Smithson, waits. john smith no. 张伟到了，张伟好。"
    findings = [found("John Smith", "John Smith")[0], found(text, "张伟")[0]]
    masked = masking.mask_found("org_1", [text], [findings])

    assert "Smith," not in masked.texts[0]
    assert "Smithson" in masked.texts[0]
    assert "张伟" not in masked.texts[0]
    assert masked.counts == {"person": 4}
    assert masked.restore(masked.texts[0]) == text


@pytest.fixture
def answered(masking: Masking) -> tuple[Masked, dict[str, str]]:
    """A mask of a text with everything in it, and the token of each value."""
    text = " | ".join(PEOPLE)
    masked = mask(masking, text, *PEOPLE)
    return masked, dict(zip(PEOPLE, masked.texts[0].split(" | "), strict=True))


def test_a_token_split_between_any_two_pieces_comes_back(answered: tuple[Masked, dict[str, str]]) -> None:
    """At every place of the text, and in pieces of every size."""
    masked, _ = answered
    whole = masked.texts[0]
    text = " | ".join(PEOPLE)

    for at in range(len(whole) + 1):
        restoring = masked.restoring()
        assert restoring.feed(whole[:at]) + restoring.feed(whole[at:]) + restoring.end() == text
    for size in range(1, 9):
        restoring = masked.restoring()
        pieces = [restoring.feed(whole[at : at + size]) for at in range(0, len(whole), size)]
        assert "".join(pieces) + restoring.end() == text


def test_what_a_model_changes_of_a_token_is_understood(answered: tuple[Masked, dict[str, str]]) -> None:
    """Case, spaces, separators, widths, endings, Markdown, and names in parts."""
    masked, token = answered
    name = token["John Smith"]
    given, surname = name.split()
    phone = token["+1 415-555-2671"]

    for written, meant in {
        f"Dear {surname}": "Dear Smith",
        f"{given}'s": "John's",
        f"**{given}** {surname}s": "**John** Smiths",
        name.upper(): "JOHN SMITH",
        name.lower(): "john smith",
        f"{given}\u00a0{surname}": "John Smith",
        f"{given}\n{surname}.": "John Smith.",
        f"{given}, {surname}": "John, Smith",
        f"{token['张伟'][:2]}先生": "张先生",
        " ".join(token["欧阳娜娜"]): "欧阳娜娜",
        token["Иванова"] + "й": "Ивановай",
        re.sub(r"[^\d+]", "", phone): "+1 415-555-2671",
        phone.replace("-", "."): "+1 415-555-2671",
        "".join(chr(ord(char) + 0xFEE0) if char.isdigit() else char for char in token["13812345678"]): "13812345678",
        token["4/11"].replace("_", "\\_"): "4/11",
        token["john.smith@corp.com"].replace(".", "\\."): "john.smith@corp.com",
        f"{token['13812345678']}9": f"{token['13812345678']}9",
        f"9{token['13812345678']}": f"9{token['13812345678']}",
    }.items():
        assert masked.restore(written) == meant, written


def test_arguments_of_tools_stay_json(masking: Masking) -> None:
    """Whatever the value is made of, and however the engine escapes the token."""
    value = 'Jo "Quote"\\ O\'Neil'
    text = f"Call {value} or 张伟"
    finding = Finding(kind="person", start=5, end=5 + len(value), score=1.0, sensitive=False, source="test")
    masked = masking.mask_found("org_1", [text], [[finding, *found(text, "张伟")]])
    token, chinese = masked.texts[0].removeprefix("Call ").rsplit(" or ", 1)
    assert value not in masked.texts[0]
    meant = {"name": value, "friend": "张伟", "n": 1}

    import json  # noqa: PLC0415 - It can escape, and msgspec can't.

    for ascii_only in (True, False):
        arguments = json.dumps({"name": token, "friend": chinese, "n": 1}, ensure_ascii=ascii_only)
        for at in range(len(arguments)):
            restoring = masked.restoring(escape=lambda one: msgspec.json.encode(one).decode()[1:-1])
            pieces = restoring.feed(arguments[:at]), restoring.feed(arguments[at:]), restoring.end()
            assert msgspec.json.decode("".join(pieces)) == meant


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120), st.lists(st.integers(0, 120), max_size=6))
def test_a_text_without_tokens_comes_through_as_it_is(text: str, cuts: list[int]) -> None:
    """Whatever it is, and wherever it is cut."""
    masked = Masked((), {}, {"Velmora Tandrik": "John Smith", "velmora@tandrik.example": "a@b.c", "4155552671": "1"})
    restoring = masked.restoring()
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [restoring.feed(text[a:b]) for a, b in pairwise(places)]

    assert "".join(pieces) + restoring.end() == text


def test_irreversible_masks_say_the_kind_alone(masking: Masking) -> None:
    """And nothing is restored."""
    text = "John Smith, 13812345678"
    masked = masking.mask_found("org_1", [text], [found(text, "John Smith", "13812345678")], Mode.IRREVERSIBLE)

    assert masked.texts == ("[person], [phone]",)
    assert masked.restore("[person]") == "[person]"


def test_what_goes_wrong_refuses_and_says_nothing_of_the_text(
    masking: Masking, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fail closed: a finding that can't be understood stops the request, and nothing of it is logged."""
    with pytest.raises(DetectorFailed) as refusal:
        masking.mask_found("org_1", ["secret words of Canary"], [])

    assert refusal.value.__cause__ is None
    assert "Canary" not in f"{refusal.value!r}{''.join(capsys.readouterr())}"
    assert "John" not in repr(mask(masking, "John Smith", "John Smith"))


def test_what_was_written_in_escapes_comes_back_as_it_is_meant(masking: Masking) -> None:
    """A token is made of the letters, not of their numbers, so that the answer can be read."""
    escaped = "".join(f"\\u{ord(char):04x}" for char in "京A12345")
    text = f'plate {{"plate": "{escaped}"}}'
    finding = Finding(kind="plate", start=17, end=17 + len(escaped), score=1.0, sensitive=True, source="test")

    masked = masking.mask_found("org_1", [text], [[finding]])

    assert "\\u" not in masked.texts[0]
    assert masked.restore(f"It is {masked.texts[0][17:-2]}.") == "It is 京A12345."

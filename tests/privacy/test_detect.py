"""Identifiers are found however they are written, and what only looks like one is left alone."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courtyard.core.errors import InvalidRequest
from courtyard.privacy import KINDS, Identifiers, is_sensitive, read_texts, rewrite
from courtyard.privacy.normal import normalise
from tests.privacy.synthetic import Maker

_VECTORS = Path(__file__).parents[1] / "data" / "argus" / "vectors.jsonl"
_KINDS = {
    **{"cpf": "br_cpf", "cnpj": "br_cnpj", "tax_id": "de_tax_id", "credit_card": "bank_card", "aadhaar": "in_aadhaar"},
    **{"date_of_birth": "birth_date", "us_passport": "passport", "pan": "in_pan", "my_number": "jp_my_number"},
    **{"rrn": "kr_rrn", "ip_address": "ip", "mac_address": "mac", "nino": "uk_nino", "credit_code": "cn_uscc"},
    **{"id_number": "cn_resident_id", "license_plate": "plate", "military_id": "cn_military_id", "qq": "account"},
    **{"wechat": "account", "url_token": "secret", "jwt": "secret", "ssh_private_key": "secret"},
    **{"openai_api_key": "secret", "anthropic_api_key": "secret", "aws_access_key": "secret", "github_token": "secret"},
    "social_security": "cn_social_security",
}
_OF_MODELS = ("person", "address", "organization")
VECTORS = [
    vector for line in _VECTORS.read_text().splitlines() if (vector := json.loads(line))["type"] not in _OF_MODELS
]

OURS = {
    "инн 500100732259": "ru_inn",
    "СНИЛС 112-233-445 95": "ru_snils",
    "паспорт серия 45 04 № 346178": "passport",
    "رقم الهوية 1101798278": "sa_id",
    "784-1987-1234567-1": "ae_id",
    "الرقم القومي 29501023201952": "eg_id",
    "ID 8001015009087": "za_id",
    "NIN: 12345678901": "ng_nin",
    "Kenya national ID 23456789": "ke_id",
    "GHA-123456789-0": "gh_card",
    "NHS number 943 476 5919": "uk_nhs",
    "1 85 05 78 006 084 91": "fr_nir",
    "12345678Z": "es_dni",
    "RSSMRA85T10A562S": "it_codice_fiscale",
    "PESEL 44051401359": "pl_pesel",
    "A123456(3)": "hk_id",
    "A123456789": "tw_id",
    "回乡证H1234567800": "permit",
    "key ck_live_Zm9vYmFyYmF6cXV4MTIzNDU": "secret",
    "password: hunter2hunter2": "secret",
    "xoxb-123456789012-abcdefABCDEF": "secret",
    "postgresql://app:s3cret@db.internal/main": "secret",
    "粤BD12345": "plate",
    "MAC 0a:1b:2c:3d:4e:5f": "mac",
}
WRITTEN = {
    "１３８１２３４５６７８": "phone",
    "138\u200b1234\u200b5678": "phone",
    "".join(f"{digit}\ufe0f\u20e3" for digit in "13812345678"): "phone",  # Keys of a telephone.
    "一三八一二三四五六七八": "phone",
    "l38l2345678": "phone",
    "1 3 8 1 2 3 4 5 6 7 8": "phone",
    "1 1 0 1 0 1 1 9 9 0 0 3 0 7 4 6 1 0": "cn_resident_id",
    "11010119900307002Х": "cn_resident_id",  # A Cyrillic letter at the end.
    "١٣٨١٢٣٤٥٦٧٨": "phone",
    "jоhn@example.com": "email",  # A Cyrillic letter in it.
    "call_13812345678.wav": "phone",
}


@pytest.fixture(scope="module")
def identifiers() -> Identifiers:
    return Identifiers()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['file']}-{vector['id']}")
def test_a_vector_of_somebody_elses_passes(identifiers: Identifiers, vector: dict[str, str]) -> None:
    """What must be found is found, whole; what has a wrong checksum, length or neighbourhood is not."""
    text, kind = vector["input"], _KINDS.get(vector["type"], vector["type"])
    kinds = {kind, "cn_resident_id"} if kind == "cn_social_security" and vector["should_match"] else {kind}
    found = [text[each.start : each.end] for each in identifiers.find(text) if each.kind in kinds]

    assert bool(found) == vector["should_match"]
    assert not found or vector.get("expected_text", found[0]) in found


@pytest.mark.parametrize(("text", "kind"), [*OURS.items(), *WRITTEN.items()])
def test_an_identifier_is_found_as_it_is_written(identifiers: Identifiers, text: str, kind: str) -> None:
    """Each state's numbers, each service's keys, and every way of hiding one."""
    assert [each.kind for each in identifiers.find(text)] == [kind]


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_hidden_is_covered_to_its_last_character(identifiers: Identifiers, text: str) -> None:
    """The place is that of the text as it came, whatever was left out to read it."""
    before, after = "给我打电话 ", " 谢谢。"
    (found,) = identifiers.find(before + text + after)
    start, end = len(before), len(before) + len(text.removeprefix("call_").removesuffix(".wav"))
    shift = len("call_") if text.startswith("call_") else 0

    assert (found.start, found.end) == (start + shift, end + shift)


@pytest.mark.parametrize(
    "text",
    [
        "The meeting on 2024-03-07 moved to room 301, chapter 12, page 1045.",
        "version 1.2.3.4 of std::vector and a::b, ISBN 0-306-40615-2",
        "invoice 123456789012, trace 110101199003071235, batch 6216610308246281947",
        "def password_of(user): return secrets[user]",
        "5f4dcc3b5aa765d61d8327deb882cf99 da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "第３章第１２节，共2048页，价格¥1234.50",
    ],
)
def test_what_only_looks_like_one_is_left_alone(identifiers: Identifiers, text: str) -> None:
    """Dates, versions, hashes and numbers whose checksum is wrong are nobody's."""
    assert identifiers.find(text) == []


def test_a_neighbour_makes_it_surer(identifiers: Identifiers) -> None:
    """A number of ten digits counts more beside an e-mail address, and most beside the word."""
    alone, beside, named = (
        next(each.score for each in identifiers.find(text) if each.kind == "phone")
        for text in ("5551234567", "a@b.com 5551234567", "phone 5551234567")
    )

    assert alone < beside < named


def test_every_kind_is_described(identifiers: Identifiers) -> None:
    """What is not described counts as sensitive; what the shapes find is described."""
    assert identifiers.kinds <= KINDS.keys()
    assert is_sensitive("cn_resident_id")
    assert is_sensitive("secret")
    assert is_sensitive("something new")
    assert not is_sensitive("email")


def test_numbers_with_a_wrong_digit_are_not_taken_for_right_ones(identifiers: Identifiers) -> None:
    """Of many residents' and cards' numbers all right ones are found, and no wrong one as such."""
    maker = Maker(11)
    for _ in range(200):
        assert [each.kind for each in identifiers.find(maker.resident_id())] == ["cn_resident_id"]
        assert "cn_resident_id" not in identifiers.classes(maker.resident_id(is_valid=False))
        assert "bank_card" in identifiers.classes(maker.card())
        assert "bank_card" not in identifiers.classes(maker.card(is_valid=False))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(sorted(WRITTEN)), st.text(max_size=60))
def test_places_point_into_the_text_as_it_came(before: str, hidden: str, after: str) -> None:
    """Whatever stands around it, places are in order, within the text, and none is over another."""
    text = before + hidden + after
    found = Identifiers().find(text)
    edges = [edge for each in found for edge in (each.start, each.end)]

    assert edges == sorted(edges)
    assert all(0 <= each.start < each.end <= len(text) for each in found)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=80))
def test_normalising_says_where_each_character_stood(text: str) -> None:
    """Places never go back, and what was not left out is at its place; doing it again changes nothing."""
    normal = normalise(text)
    places = [normal.origin(at, at)[0] for at in range(len(normal.text) + 1)]

    assert places == sorted(places)
    assert places[-1] == len(text)
    assert all(len(normalise(text[at]).text) <= 1 for at in range(len(text)))
    assert normalise(normal.text).text == normal.text


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1 ",
        "a@",
        "a.",
        "13812345678",
        "password=",
        "-----BEGIN PRIVATE KEY-----",
        "::1",
        "аa",
        "http://a:",
        "O1",
        "1-",
        "零",
    ],
)
def test_time_grows_with_the_text_and_no_faster(identifiers: Identifiers, piece: str) -> None:
    """Eight times the text takes about eight times as long, whatever it is made of."""
    short, long = (piece * (size // len(piece)) for size in (20_000, 160_000))
    identifiers.find(short)
    least = [min(_seconds(identifiers, text) for _ in range(2)) for text in (short, long)]

    assert least[1] < least[0] * 8 * 3 + 0.05


def _seconds(identifiers: Identifiers, text: str) -> float:
    start = time.process_time()
    identifiers.find(text)
    return time.process_time() - start


PICTURE = {"url": "https://u/1", "alt": "A1"}
ARGUMENTS = '{"to": "\\u5f20\\u4e09", "n": 13812345678}'
DATA = "data:application/pdf;base64," + "QUJD" * 80
REQUEST = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "S1"},
        {
            "role": "user",
            "name": "N1",
            "content": [{"type": "text", "text": "T1"}, {"type": "image_url", "image_url": PICTURE}],
        },
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f1", "arguments": ARGUMENTS}}]},
        {"role": "tool", "content": '[{"mail": "a@b.c"}]'},
        {"role": "user", "content": [{"type": "file", "file": {"filename": "F1.pdf", "file_data": DATA}}]},
    ],
    "input": ["E1", "E2"],
    "metadata": {"张三的": True},
}


def test_every_text_of_a_request_is_read() -> None:
    """Parts, names, arguments inside JSON inside a text, results, alternative texts, file names, inputs, odd keys."""
    read = read_texts(json.dumps(REQUEST).encode())

    for text in (
        "S1",
        "N1",
        "T1",
        "https://u/1",
        "A1",
        "f1",
        "张三",
        "13812345678",
        "a@b.c",
        "F1.pdf",
        "E1",
        "E2",
        "张三的",
    ):
        assert text in read.texts
    assert read.opaque >= 2
    assert not any("QUJD" in text for text in read.texts)


def test_rewriting_comes_to_the_same_texts_in_the_same_order() -> None:
    """Each text is replaced where it was read, JSON inside texts stays JSON, and a number can become a text."""
    content = json.dumps(REQUEST).encode()
    seen: list[str] = []

    def replace(text: str) -> str:
        seen.append(text)
        return f"<{text}>"

    written = json.loads(bytes(rewrite(content, replace)))
    arguments = json.loads(written["messages"][2]["tool_calls"][0]["function"]["arguments"])

    assert tuple(seen) == read_texts(content).texts
    assert arguments == {"to": "<张三>", "n": "<13812345678>"}
    assert written["messages"][0] == {"role": "system", "content": "<S1>"}
    assert json.loads(bytes(rewrite(content, str))) == json.loads(content) | {"messages": written_as_before(content)}


def written_as_before(content: bytes) -> object:
    """The messages, with the JSON inside of texts written without spaces and escapes."""
    messages = json.loads(content)["messages"]
    messages[2]["tool_calls"][0]["function"]["arguments"] = '{"to":"张三","n":13812345678}'
    messages[3]["content"] = '[{"mail":"a@b.c"}]'
    return messages


def test_arguments_are_json_also_behind_a_space() -> None:
    """Whoever reads them skips what stands before, and reads escapes."""
    escaped = json.dumps({"to": "张三"})

    assert "张三" in read_texts(json.dumps({"arguments": f" \n{escaped}"}).encode()).texts


def test_escapes_are_read_wherever_they_stand() -> None:
    """Programs print other letters, and whatever hides a number, as JSON's escapes; places are those of the escapes."""
    escaped = "".join(f"\\u{ord(char):04x}" for char in "13812345678")
    text = f"call \\U {escaped}, C:\\users, {json.dumps('𠮷')}"

    [found] = Identifiers().find(text)
    normal = normalise(f"a{json.dumps('𠮷')}b\u200bc")

    assert (found.kind, text[found.start : found.end]) == ("phone", escaped)
    assert normal.text == 'a"𠮷"bc'
    assert normal.origin(2, 3) == (2, 14)
    assert normal.origin(5, 6) == (17, 18)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100 + b"]" * 100, b'"\\ud800"', b"\xff"])
def test_what_cannot_be_looked_through_is_refused(content: bytes) -> None:
    """No text passes because nobody could read it."""
    with pytest.raises(InvalidRequest):
        read_texts(content)


def test_a_long_key_is_read_though_it_looks_like_data() -> None:
    """Base64 counts as data where data stands, and nowhere else."""
    key = "sk-" + "a1B2" * 100

    assert read_texts(json.dumps({"content": key}).encode()).texts == (key,)
    assert read_texts(json.dumps({"source": {"data": "QUJD" * 100}}).encode()).opaque == 1

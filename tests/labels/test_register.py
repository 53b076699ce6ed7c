"""A text tells which answer it is; agreements say who gets answers without a visible label, and those are logged."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import text as sql

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.labels import Labels, LabelsSettings, Profile, Verdict, Visible
from courtyard.storage import Database, Keyring, Revisions

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
DAY_S = 24 * 3600
ANSWERS = {
    "en": (
        "A fox asked a stork to dinner and served soup in a flat dish. The fox lapped it up with ease, but the stork "
        "could only wet the tip of its long bill, and went home as hungry as it had come. Some days later the stork "
        "asked the fox in turn, and served the meal in a jar with a long and narrow neck, which its own bill reached."
    ),
    "zh": (
        "狐狸请鹳鸟吃晚饭，把汤盛在一个很浅的盘子里。狐狸自己很轻松地喝完了，鹳鸟却只能用长长的嘴尖沾一沾，只好饿着肚子回家去了。"
        "过了几天，鹳鸟回请狐狸，把食物装在一个长颈的细口瓶子里，它自己可以把长嘴伸进去慢慢地享用，而狐狸只能在瓶子外面舔一舔瓶口。"
        "请客的人用同样的办法回敬了对方，做客的人也没有什么可以抱怨的，因为这正是它自己先前待客的方式，怪不得别人。"
    ),
}


@pytest.fixture
def labels(database: Database, clock: FrozenClock, tmp_path: Path) -> Labels:
    return Labels(database, Keyring(tmp_path / "keys"), clock, LabelsSettings(profile=Profile.CN))


def enter(labels: Labels) -> None:
    for language, answer in ANSWERS.items():
        labels.register(answer, request=f"req_{language}", organisation="org_a", model="small", receipt="r1")
    labels.register(
        "Once upon a time there was a crow with a piece of cheese.", request="req_x", organisation="o", model="m"
    )
    assert labels.flush() == 3


@pytest.mark.parametrize("language", ANSWERS)
def test_an_answer_is_known_again(labels: Labels, language: str) -> None:
    """Whatever became of its spaces, its signs, its case and its width, with a label above it or without."""
    enter(labels)
    answer = ANSWERS[language]
    full_width = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in answer)
    for text in (
        answer,
        answer.upper().replace(" ", "\n\u200b"),
        f"# Title\n> {answer}".removeprefix("# Title\n"),
        full_width,
        f"内容由人工智能（AI）生成\n\n{answer}\n",
        f"---\ntitle: x\n---\n{answer}",
    ):
        [match] = labels.find(text)
        assert (match.request, match.model, match.organisation, match.receipt, match.share) == (
            f"req_{language}", "small", "org_a", "r1", 1.0,
        )  # fmt: skip


@SQLITE
@pytest.mark.parametrize("language", ANSWERS)
def test_a_long_quotation_is_known_again(labels: Labels, language: str) -> None:
    """A passage of 130 letters within another text; a sentence of three words is nobody's."""
    enter(labels)
    answer = ANSWERS[language]
    quoted = answer[20:190] if language == "en" else answer[10:160]
    [match] = labels.find(f"Und so sprach er: „{quoted}“. Damit war die Sache für ihn erledigt, und er ging heim.")

    assert match.request == f"req_{language}"
    assert 0 < match.share < 1
    assert labels.find("A fox asked a stork") == ()
    assert labels.find("Ein ganz anderer Text, den hier niemand je gesehen hat. " * 5) == ()


@SQLITE
def test_a_text_without_its_label_is_not_in_order(labels: Labels) -> None:
    """The register says where it comes from; with the label above it is in order; a stranger's text is not found."""
    enter(labels)
    bare = labels.check(ANSWERS["zh"].encode(), "a.txt")
    shown = labels.check(f"内容由人工智能（AI）生成\n\n{ANSWERS['zh']}".encode(), "a.txt")
    other = labels.check(b"Shopping list: bread, milk, eggs, and what else there is.", "a.txt")

    assert (bare.verdict, bare.visible, bare.matches[0].request) == (Verdict.NON_COMPLIANT, Visible.MISSING, "req_zh")
    assert "req_zh" in bare.reason
    assert (shown.verdict, shown.matches[0].share) == (Verdict.COMPLIANT, 1)
    assert other.verdict is Verdict.NOT_FOUND
    assert labels.check(b"AI-generated\nSomebody else's text.", "a.txt").verdict is Verdict.COMPLIANT


@SQLITE
def test_the_table_says_nothing_to_who_has_no_key(database: Database, clock: FrozenClock, tmp_path: Path) -> None:
    """No word of a text is in the database, and under another key the same text is another."""
    ours = Labels(database, Keyring(tmp_path / "keys"), clock)
    enter(ours)
    with database.reading() as db:
        rows = [
            str(row) for table in ("label_texts", "label_passages") for row in db.execute(sql(f"SELECT * FROM {table}"))
        ]

    assert not any("stork" in row or "狐狸" in row for row in rows)
    assert Labels(database, Keyring(tmp_path / "others"), clock).find(ANSWERS["en"]) == ()


@SQLITE
def test_what_was_kept_long_enough_is_forgotten(labels: Labels, clock: FrozenClock) -> None:
    """Answers after their days; nothing before."""
    enter(labels)
    clock.advance(399 * DAY_S)
    labels.flush()
    assert labels.registered() == 3
    clock.advance(2 * DAY_S)
    labels.flush()

    assert labels.find(ANSWERS["en"]) == ()


@SQLITE
def test_what_can_not_be_entered_waits(labels: Labels, database: Database) -> None:
    """A database that is away loses no answer."""
    with database.transaction() as db:
        db.execute(sql("ALTER TABLE label_texts RENAME TO away"))
    with pytest.raises(Exception, match="label_texts"):
        enter(labels)
    with database.transaction() as db:
        db.execute(sql("ALTER TABLE away RENAME TO label_texts"))

    assert labels.flush() == 3
    assert len(labels.find(ANSWERS["en"])) == 1


def test_an_agreement_is_asked_of_memory_and_logged(
    labels: Labels, database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    """It holds from its day to its end, for one organisation, in every process; each delivery is kept six months."""
    now_ms = clock.now_ms()
    other = Labels(database, Keyring(tmp_path / "keys"), clock)
    made = labels.agree(
        "org_a", document="DOC-7", by="ada@example.org", from_ms=now_ms, until_ms=now_ms + 30 * DAY_S * 1000
    )
    before = other.agreed("org_a"), Revisions(database).read()["labels"]
    other.load()
    stated = other.stated("cn", model="small", request="req_1", organisation="org_a", unlabelled=True)
    other.note_unlabelled("org_a", request="req_1", model="small")
    other.note_unlabelled("org_b", request="req_2", model="small")
    other.flush()

    assert before == (None, 1)
    assert other.agreed("org_a") == made
    assert (stated.record, stated.field["notice"]) == (f"unlabelled:{made.id}", "")
    assert other.stated("cn", model="m", request="r", organisation="org_b", unlabelled=True).record == "cn"
    [kept] = labels.unlabelled(organisation="org_a")
    assert (kept.request, kept.agreement, kept.at_ms) == ("req_1", made.id, now_ms)
    clock.advance(31 * DAY_S)
    assert other.agreed("org_a") is None
    clock.advance(152 * DAY_S)
    other.flush()
    assert len(labels.unlabelled()) == 1
    clock.advance(2 * DAY_S)
    other.flush()
    assert labels.unlabelled() == ()


@SQLITE
def test_an_agreement_ends_when_somebody_says_so(labels: Labels, clock: FrozenClock) -> None:
    """At once; what is no agreement is refused."""
    now_ms = clock.now_ms()
    made = labels.agree("org_a", document="DOC-7", by="ada@example.org", from_ms=now_ms, until_ms=now_ms + 1000)
    ended = labels.end(made.id)

    assert ended == replace(made, ended_at_ms=now_ms)
    assert labels.agreed("org_a") is None
    with pytest.raises(NotFound, match="no agreement"):
        labels.end("agr_none")
    for document, by, until_ms in (("", "ada", now_ms + 1), ("d", " ", now_ms + 1), ("d", "ada", now_ms)):
        with pytest.raises(InvalidRequest):
            labels.agree("org_a", document=document, by=by, from_ms=now_ms, until_ms=until_ms)


@SQLITE
@pytest.mark.parametrize(
    "settings", [LabelsSettings(producer="a b"), LabelsSettings(unlabelled_days=0), LabelsSettings(register_days=0)]
)
def test_settings_that_make_no_sense_are_refused(
    database: Database, clock: FrozenClock, tmp_path: Path, settings: LabelsSettings
) -> None:
    """When the house is built, not when the first answer is labelled."""
    with pytest.raises(ValueError, match=r"settings: labels\."):
        Labels(database, Keyring(tmp_path / "keys"), clock, settings)

"""Packs say what the house knows and its operator said, and whoever gets one checks it without us."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from pypdf import PdfReader

from courtyard import plugins
from courtyard.app import House
from courtyard.assurance import Answers, Asked, Assurance, Kept, Kind, Sources, form, read_answers
from courtyard.assurance.questions import QUESTIONS
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.core.ids import OrganisationId
from courtyard.evaluation import Plan
from courtyard.evidence import verifier
from courtyard.policy import Pack, read_pack, shipped_files
from courtyard.privacy.register.model import Basis
from courtyard.settings import Settings
from tests.catalogue.providing import facts
from tests.evaluation.conftest import BANK, Answering
from tests.evidence.records import BEGUN_MS, record, seal

DAY_MS = 24 * 3600 * 1000


class Figures:
    """The figures of a pack that ships with us, as if it was in force."""

    def __init__(self, name: str) -> None:
        self._pack: Pack = read_pack(shipped_files(name))

    @property
    def pack(self) -> str:
        return self._pack.title

    def parameters(self) -> Any:
        return self._pack.parameters


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which something of everything happened."""
    clock = FrozenClock()
    house = House(Settings(data_dir=tmp_path_factory.mktemp("house")), clock)
    house.evidence.open()
    far: dict[str, Any] = {"provider": "far", "tier": "foreign", "classes": {"person": 2}, "masked": 2}
    seal(house.evidence, *(record(number) for number in range(6)))
    seal(house.evidence, record(6, **far), record(7, purpose="translation", **far))
    seal(house.evidence, record(8, error="gate_failed"), record(9, organisation=OrganisationId("org_2")))
    house.providers.propose("far", facts(), by="ops", reason="translation abroad")
    house.providers.kill("far", by="ops", reason="a drill")
    house.register.purposes.put("translation", title="Translate letters", basis=Basis.CONTRACT, classes=("person",))
    house.register.breaches.record("A laptop was lost", by="ops")
    house.register.exports.note("org_1", "Far Ltd", "ab" * 32, sensitive=False)
    house.labels.agree("org_1", document="signed 7", by="ops", from_ms=BEGUN_MS, until_ms=BEGUN_MS + DAY_MS)
    house.providers.reload()
    yield house
    house.evidence.close()
    asyncio.run(house.ledger.stop())
    house.close()


@pytest.fixture(scope="module")
def assurance(house: House) -> Assurance:
    """As the house has it, with a pack in force."""
    sources = Sources(
        figures=Figures("cn-2026"),
        recipients=house.providers,
        purposes=house.register.purposes,
        retentions=house.register.retentions,
        breaches=house.register.breaches,
        exports=house.register.exports,
        labelling=house.labels,
        safety=house.evaluations,
    )
    return Assurance(house.settings.data_dir / "packs", house.evidence, house.clock, sources)


@pytest.fixture(scope="module")
def packs(assurance: Assurance) -> dict[Kind, Kept]:
    """One of each kind; setting a cover takes a while."""
    return {kind: assurance.make(asked(kind)) for kind in Kind if kind is not Kind.SAFETY}


def asked(kind: Kind, **changes: Any) -> Asked:
    """A pack of the day on which everything happened, with every question answered."""
    answers = {question.id: f"We say: {question.id} 我们" for question in QUESTIONS[kind]}
    said = Answers(controller="Acme 医院", contact="dpo@acme.example", answers=answers)
    fields = {"kind": kind, "since_ms": BEGUN_MS, "until_ms": BEGUN_MS + DAY_MS, "answers": said, "by": "ops"}
    return Asked(**(fields | changes))


def checked(assurance: Assurance, house: House, id: str) -> verifier.Verdict:
    return verifier.verify(assurance.path(id), house.billing.public_key.public_bytes_raw().hex())


@pytest.mark.parametrize(
    ("kind", "records"),
    [(Kind.PROCESSING, 10), (Kind.IMPACT, 10), (Kind.TRANSFER, 2), (Kind.LABELS, 10), (Kind.INCIDENTS, 1)],
)
def test_a_pack_is_checked_offline_and_read_by_people(
    assurance: Assurance, packs: dict[Kind, Kept], house: House, kind: Kind, records: int, tmp_path: Path
):
    """It verifies, holds the records it rests on, and its cover says who answers for it and what they said."""
    kept = packs[kind]
    verdict = checked(assurance, house, kept.id)
    with ZipFile(assurance.path(kept.id)) as archive:
        archive.extractall(tmp_path)
    text = "\n".join(page.extract_text() for page in PdfReader(tmp_path / "cover.pdf").pages)

    assert (verdict.records, verdict.problems) == (records, ())
    assert kept.title in text
    assert "Acme 医院" in text
    assert "cn-2026@" in text
    assert all(question.id in text for question in QUESTIONS[kind])
    assert kept in assurance.list()


def test_a_transfer_counts_people_against_thresholds_with_their_source(assurance: Assurance, packs: dict[Kind, Kept]):
    """Distinct people by legal entity and year, and the figures of the pack with article, source and date."""
    report = assurance.report(packs[Kind.TRANSFER].id)
    figures = {figure["name"]: figure for figure in report["figures"]}

    (year,) = report["facts"]["counted"]
    assert (year["year"], year["people"], year["entities"]) == (2026, 1, {"Far Ltd": 1})
    assert figures["export_people_exempt_max"]["article"].startswith("Provisions on Cross-border Data Flows")
    assert all(figure["source"] and figure["checked_on"] for figure in report["figures"])
    assert [provider["id"] for provider in report["facts"]["recipients"]] == ["far"]
    assert report["records"]["by"]["tier"] == {"foreign": 2}
    assert report["records"]["masked"] == 4


def test_incidents_are_breaches_kills_and_what_could_not_decide(assurance: Assurance, packs: dict[Kind, Kept]):
    """Each with its moment; a request that was only refused is none."""
    report = assurance.report(packs[Kind.INCIDENTS].id)

    assert [breach["title"] for breach in report["facts"]["breaches"]] == ["A laptop was lost"]
    assert [(kill["action"], kill["reason"]) for kill in report["facts"]["kills"]] == [("kill", "a drill")]
    assert report["records"]["by"]["error"] == {"gate_failed": 1}


def test_a_safety_pack_says_how_a_test_went_and_repeats_no_answer(assurance: Assurance, house: House, tmp_path: Path):
    """Counts with their intervals, gates, digests and request ids; the words stay with the judges."""
    house.evaluations.import_bank(BANK, name="ours", version="1")
    run = house.evaluations.begin("ours", "echo", Plan(seed=1))
    asyncio.run(house.evaluations.carry_out(run.id, Answering(), [plugins.load("judges")["rule"](forbidden=())]))
    kept = assurance.make(asked(Kind.SAFETY, run=run.id))
    report = assurance.report(kept.id)

    assert checked(assurance, house, kept.id).problems == ()
    assert report["facts"]["evaluation"]["run"]["bank"]["digest"] == run.bank.digest
    assert 0 < report["facts"]["evaluation"]["by_expected"][0]["low"] < 1
    assert "req_4" in {item["request"] for item in report["facts"]["asked"]}
    assert "Here is how" not in assurance.path(kept.id).read_bytes().decode("latin-1")
    assert "harm 3" not in json.dumps(report)


def test_a_pack_of_one_organisation_holds_nothing_of_another(assurance: Assurance, house: House):
    """Neither records nor agreements."""
    kept = assurance.make(asked(Kind.LABELS, organisation=OrganisationId("org_2")))

    assert checked(assurance, house, kept.id).records == 1
    assert assurance.report(kept.id)["facts"]["agreements"] == []


def test_a_question_that_is_not_answered_makes_no_pack(assurance: Assurance):
    """The ones that are missing are named, and so is an answer that nobody asked for."""
    before = assurance.list()
    with pytest.raises(InvalidRequest, match="not answered: controller, description, lawful"):
        assurance.make(asked(Kind.IMPACT, answers=Answers()))
    with pytest.raises(InvalidRequest, match="nobody asks colour here"):
        assurance.make(asked(Kind.LABELS, answers=Answers(answers={"colour": "blue"})))
    with pytest.raises(InvalidRequest, match="ends after it begins"):
        assurance.make(asked(Kind.LABELS, until_ms=BEGUN_MS))
    with pytest.raises(InvalidRequest, match="name it with --run"):
        assurance.make(asked(Kind.SAFETY))

    assert assurance.list() == before


def test_how_long_a_pack_is_kept_is_the_policy_packs_word(packs: dict[Kind, Kept], house: House):
    """Three years by cn-2026; where no pack is in force, nothing is made up."""
    kept, bare = packs[Kind.LABELS], house.assurance.make(asked(Kind.LABELS))

    assert kept.keep_until_ms == kept.made_at_ms + 1096 * DAY_MS
    assert (bare.keep_until_ms, house.assurance.report(bare.id)["policy_pack"]) == (None, "")


@pytest.mark.parametrize("name", ["cover.pdf", "report.json", "records/evidence.jsonl", "manifest.json"])
def test_a_changed_pack_is_found_and_the_member_named(
    assurance: Assurance, packs: dict[Kind, Kept], house: House, tmp_path: Path, name: str
):
    """One bit is enough."""
    path = assurance.path(packs[Kind.LABELS].id)
    data = bytearray(path.read_bytes())
    with ZipFile(path) as archive:
        info = archive.getinfo(name)
    data[info.header_offset + 30 + len(name) + info.file_size // 2] ^= 1
    (tmp_path / "pack.zip").write_bytes(data)
    verdict = verifier.verify(tmp_path / "pack.zip", house.billing.public_key.public_bytes_raw().hex())

    assert any(name in problem.where for problem in verdict.problems), verdict.problems


def test_what_no_room_can_tell_is_said_to_be_unknown(house: House):
    """A house without such a room leaves nothing out in silence."""
    bare = Assurance(house.settings.data_dir / "bare", house.evidence, house.clock, Sources())

    facts = bare.report(bare.make(asked(Kind.PROCESSING)).id)["facts"]
    assert facts == {"purposes": None, "recipients": None, "retention": None}


def test_there_is_no_other_pack(assurance: Assurance):
    """Nor a way out of the directory."""
    for id in ("pack_0", "../evidence", "pack_../../x"):
        with pytest.raises(NotFound):
            assurance.path(id)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_form_is_read_as_it_was_written(kind: Kind):
    """Empty it answers nothing; filled in it answers all, in words of several lines too."""
    text = form(kind).replace("controller:", "controller: Acme")
    for question in QUESTIONS[kind]:
        text = text.replace(f"  {question.id}:\n", f"  {question.id}: |\n    yes,\n    and no\n")
    answers = read_answers(text)

    assert answers.controller == "Acme"
    assert answers.answers == {question.id: "yes,\nand no" for question in QUESTIONS[kind]}
    assert json.dumps(read_answers(form(kind)).answers) == "{}" or not any(read_answers(form(kind)).answers.values())

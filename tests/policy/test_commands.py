"""`courtyard policy` at the command line."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import app
from courtyard.cli.common import open_house
from courtyard.cli.first_run import prepare
from courtyard.core.ids import ModelName, OrganisationId, ProjectId
from courtyard.core.principal import Role
from courtyard.evidence import Decision, Record
from courtyard.policy import ENVELOPE, shipped_files
from tests.policy.packing import abroad, small

OLGA, ALI = "olga@example.org", "ali@example.org"


@pytest.fixture(scope="module")
def house_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with somebody who proposes and somebody who approves, to be copied."""
    directory = tmp_path_factory.mktemp("house") / "data"
    with open_house(directory, new=True) as house:
        prepare(house)
        ours = house.identity.organisations()[0].id
        house.identity.add_person(organisation=ours, email=OLGA, role=Role.OPERATOR)
        house.identity.add_person(organisation=ours, email=ALI, role=Role.APPROVER)
    return directory


@pytest.fixture
def data_dir(house_of_two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(house_of_two, tmp_path / "data"))


def run(data_dir: Path | None, *arguments: str) -> Result:
    where = [] if data_dir is None else ["--data-dir", str(data_dir)]
    return CliRunner(env={"COLUMNS": "250"}).invoke(app, ["policy", *arguments, *where])


def test_a_pack_goes_from_a_directory_into_force_and_back(data_dir: Path, tmp_path: Path) -> None:
    """Exported, changed, signed, imported, proposed, approved, promoted and rolled back."""
    key, pack = tmp_path / "legal.pem", tmp_path / "ours"
    assert "8 files" in run(data_dir, "export", "neutral-strict", str(pack)).stdout
    manifest = pack / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("neutral-strict", "ours"))
    assert run(None, "keygen", str(key)).exit_code == 0
    assert (key.stat().st_mode & 0o777, run(None, "keygen", str(key)).exit_code) == (0o600, 1)

    steps = [
        run(data_dir, "sign", str(pack), "--key", str(key)),
        run(data_dir, "import", str(pack)),
        run(data_dir, "trust", "legal", f"{key}.pub"),
        run(data_dir, "import", str(pack)),
        run(data_dir, "propose", "ours", "--by", OLGA),
        run(data_dir, "approve", "ours", "--by", OLGA),
        run(data_dir, "approve", "ours", "--by", ALI),
        run(data_dir, "promote", "ours", "--by", OLGA),
    ]

    assert [one.exit_code for one in steps] == [0, 1, 0, 0, 0, 1, 0, 0]
    assert "nobody who is trusted" in steps[1].stderr
    assert "ours@1.0.0 is in force" in steps[-1].stdout
    assert "foreign_persons_max" in run(data_dir, "show").stdout
    assert "no pack is in force" in run(data_dir, "rollback", "--by", ALI, "--reason", "a try").stdout
    assert "a try" in run(data_dir, "history").stdout


def test_check_tells_every_vector_that_does_not_come_out(tmp_path: Path) -> None:
    """And ends with 1; it needs no house."""
    for name, content in small().items():
        (tmp_path / name).write_bytes(content)
    assert "2 rules, 4 vectors" in run(None, "check", str(tmp_path)).stdout
    vectors = tmp_path / "vectors.jsonl"
    vectors.write_text(vectors.read_text().replace('"persons": 10', '"persons": 9'))

    found = run(None, "check", str(tmp_path))

    assert found.exit_code == 1
    assert "line 3 (it is so): expected rewrite, and it is pass by home-serves" in found.stderr
    assert "2 of 4 vectors" in found.stderr


def test_a_request_on_record_is_explained_and_replayed(data_dir: Path) -> None:
    """As it was judged: the record names the facts, and the facts are kept."""
    with open_house(data_dir) as house:
        files = shipped_files("neutral-strict")
        house.packs.bring(files | {ENVELOPE: house.packs.sign(files, by=OLGA).encode()}, by=OLGA)
        house.packs.propose("neutral-strict", by=OLGA)
        house.packs.approve("neutral-strict", by=ALI)
        house.packs.promote("neutral-strict", by=OLGA)
        today = house.clock.now_ms() // 86_400_000
        asked = abroad(day=today, purpose="support", provider="abroad")
        digest = house.gate.decide(asked).facts
        house.gate.flush()
        _seal(house, digest, id="req_known")
        _seal(house, "0" * 32, id="req_forgotten")

    explained = run(data_dir, "explain", "req_known")
    unknown = run(data_dir, "explain", "req_forgotten")
    said = run(data_dir, "explain", "tier=foreign", "purpose=support", "--pack", "eu-2026")
    wrong = run(data_dir, "explain", "tier=foreign", "colour=red")
    replayed = json.loads(run(data_dir, "replay", "eu-2026", "--json").stdout)

    assert "no rule permits it" in explained.stdout
    assert "would be allowed with purpose 'translation' instead of 'support'" in explained.stdout
    assert (unknown.exit_code, "it is not kept" in unknown.stderr) == (1, True)
    assert "processor-contract forbids" in said.stdout
    assert "no fact" in wrong.stderr
    assert (replayed["requests"], replayed["unknown"], replayed["decisions"]) == (2, 1, 1)


def test_a_dry_run_is_begun_and_ended(data_dir: Path) -> None:
    """By somebody who may; who that is has to be said."""
    with open_house(data_dir) as house:
        files = shipped_files("neutral-strict")
        house.packs.bring(files | {ENVELOPE: house.packs.sign(files, by=OLGA).encode()}, by=OLGA)
    assert "say who lets it run" in run(data_dir, "dry-run", "neutral-strict").stderr
    assert "from now on" in run(data_dir, "dry-run", "neutral-strict", "--by", OLGA).stdout

    assert "ran since" in run(data_dir, "dry-run", "--stop").stdout


def _seal(house: object, digest: str, *, id: str) -> None:
    async def seal() -> None:
        house.evidence.open()  # type: ignore[attr-defined]
        await house.evidence.seal(  # type: ignore[attr-defined]
            Record(
                id=id,
                at_ms=house.clock.now_ms(),  # type: ignore[attr-defined]
                organisation=OrganisationId("org_1"),
                project=ProjectId("proj_1"),
                who="",
                kind="chat",
                model=ModelName("echo"),
                decision=Decision.DENIED,
                facts=(digest,),
            )
        )

    asyncio.run(seal())

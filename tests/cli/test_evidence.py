"""The record is listed and verified on the command line, whether the house serves or not."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from courtyard.cli import assurance, witness
from courtyard.cli import evidence as commands
from courtyard.cli.common import open_house
from courtyard.core.clock import FrozenClock
from courtyard.core.ids import EngineName, Region
from courtyard.evidence import Decision, Evidence
from courtyard.storage import Committer, Keyring
from tests.evidence.records import BEGUN_MS, record, seal

_HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def house(tmp_path: Path) -> None:
    """Somebody served from this directory before."""
    with open_house(tmp_path, new=True):
        pass


@pytest.fixture
def evidence(tmp_path: Path, clock: FrozenClock) -> Iterator[Evidence]:
    """What a serving house would hold open."""
    committer = Committer()
    evidence = Evidence(tmp_path / "evidence", Keyring(tmp_path / "keys"), committer, clock)
    evidence.open()
    yield evidence
    evidence.close()
    committer.close()


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(commands.app, [*arguments, "--data-dir", str(data_dir)])


def listed(data_dir: Path, *arguments: str) -> list[str]:
    result = run(data_dir, "list", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return [found["id"] for found in json.loads(result.stdout)["records"]]


def test_a_whole_record_is_said_to_be_whole(tmp_path: Path, evidence: Evidence) -> None:
    """With the number of records and signatures, and status 0."""
    seal(evidence, record(1), record(2))

    told = run(tmp_path, "verify")
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.startswith("the record is whole (records: 2, signatures: ")
    assert json.loads(run(tmp_path, "verify", "--json").stdout)["entries"] == 2


def test_a_damage_is_named_by_file_and_line(tmp_path: Path, evidence: Evidence) -> None:
    """A changed record ends the command with status 1, in words and in JSON."""
    seal(evidence, record(1), record(2))
    evidence.close()
    path = tmp_path / "evidence" / "00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"admitted", b"refused", 1))

    told, as_json = run(tmp_path, "verify"), run(tmp_path, "verify", "--json")
    assert told.exit_code == as_json.exit_code == 1
    assert "00000001.jsonl:2 the entry is not the one that was written" in told.stderr
    assert "whole" not in told.stdout
    (damage,) = json.loads(as_json.stdout)["damages"]
    assert (damage["file"], damage["line"]) == ("00000001.jsonl", 2)


def test_a_house_without_records_is_whole(tmp_path: Path) -> None:
    """There is nothing to list and nothing damaged."""
    assert run(tmp_path, "verify").stdout == "the record is whole (records: 0, signatures: 0, checkpoints: 0)\n"
    assert listed(tmp_path) == []
    assert run(tmp_path, "list").stderr == "no records\n"


def test_people_read_what_became_of_a_request(tmp_path: Path, evidence: Evidence) -> None:
    """When, what, who, where and how it ended stand in one row."""
    ran: Any = {"engine": EngineName("embedded"), "region": Region("eu"), "outcome": "complete", "duration_ms": 1234}
    seal(evidence, record(1, **ran), record(2, decision=Decision.REFUSED, error="insufficient_quota"))

    (refused, admitted) = [row for row in run(tmp_path, "list").stdout.splitlines() if "2026-01-01" in row]
    assert all(word in admitted for word in ("00:00:00", "admitted", "person_1", "embedded (eu)", "complete", "1,234"))
    assert all(word in refused for word in ("refused", "insufficient_quota", "req_2"))


def test_a_callers_text_is_shown_as_text(tmp_path: Path, evidence: Evidence) -> None:
    """Whatever stands in a record, it neither colours, nor clears, nor breaks the operator's screen."""
    seal(evidence, record(1, who="[/red][bold]\x1b[2Jhouse"))

    result = run(tmp_path, "list")
    assert result.exit_code == 0
    assert "[/red][bold]\ufffd[2Jhouse" in result.stdout


def test_a_list_can_be_narrowed(tmp_path: Path, evidence: Evidence) -> None:
    """By decision, by number, and by time, where a day that is named belongs to the range."""
    seal(evidence, *(record(hour, at_ms=BEGUN_MS + hour * _HOUR_MS) for hour in (0, 23, 24, 47)))
    seal(evidence, record(48, at_ms=BEGUN_MS + 48 * _HOUR_MS, decision=Decision.DENIED))

    assert listed(tmp_path, "--limit", "2") == ["req_48", "req_47"]
    assert listed(tmp_path, "--decision", "denied") == ["req_48"]
    assert listed(tmp_path, "--since", "2026-01-02", "--until", "2026-01-02") == ["req_47", "req_24"]
    assert listed(tmp_path, "--until", "2026-01-01T23:00") == ["req_0"]
    assert listed(tmp_path, "--since", "2026-01-03T00:00Z") == ["req_48"]


def test_a_list_goes_on_where_it_ended(tmp_path: Path, evidence: Evidence) -> None:
    """The `next` of one list begins the one after it."""
    seal(evidence, *(record(number) for number in range(5)))
    page = json.loads(run(tmp_path, "list", "--limit", "3", "--json").stdout)

    assert listed(tmp_path, "--before", page["next"]) == ["req_1", "req_0"]
    assert run(tmp_path, "list", "--before", "here").exit_code == 1


@pytest.mark.parametrize("arguments", [["--since", "yesterday"], ["--decision", "maybe"], ["--limit", "0"]])
def test_a_question_that_makes_no_sense_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    """It ends with status 2 and says which option is wrong."""
    result = run(tmp_path, "list", *arguments)

    assert result.exit_code == 2
    assert arguments[0] in result.stderr


def test_whoever_gets_a_proof_or_a_pack_checks_it_alone(tmp_path: Path, evidence: Evidence) -> None:
    """With the keys that are printed, and the verifier that is written: no house is needed."""
    seal(evidence, *(record(number) for number in range(5)))
    keys = json.loads(run(tmp_path, "keys", "--json").stdout)
    proof, pack, verifier = tmp_path / "r.tlog-proof", tmp_path / "records.zip", tmp_path / "verify.py"
    for arguments in (("prove", "req_3", "-o", str(proof)), ("export", "-o", str(pack)), ("checkpoint",)):
        assert run(tmp_path, *arguments).exit_code == 0
    assert CliRunner().invoke(commands.app, ["verifier", "-o", str(verifier)]).exit_code == 0

    (log,) = keys["logs"]
    for file, key in ((proof, log), (pack, keys["operator"])):
        done = subprocess.run(
            [sys.executable, verifier, file, "--key", key], capture_output=True, text=True, check=False
        )
        assert (done.returncode, " is right (records: " in done.stdout) == (0, True), done
        assert CliRunner().invoke(commands.app, ["verify", str(file), "--key", key]).exit_code == 0


def test_evidence_that_was_changed_ends_with_1_and_what_is_none_with_2(tmp_path: Path, evidence: Evidence) -> None:
    """The entry is named, in words and in JSON."""
    seal(evidence, record(1), record(2))
    pack, key = tmp_path / "records.zip", json.loads(run(tmp_path, "keys", "--json").stdout)["operator"]
    run(tmp_path, "export", "-o", str(pack))
    pack.write_bytes(pack.read_bytes().replace(b"req_2", b"req_3", 1))
    told = CliRunner().invoke(commands.app, ["verify", str(pack), "--key", key])
    as_json = CliRunner().invoke(commands.app, ["verify", str(pack), "--key", key, "--json"])

    assert told.exit_code == as_json.exit_code == 1
    assert "records/evidence.jsonl line 2 (request req_3): it was changed" in told.stdout.replace("\n", " ")
    assert json.loads(as_json.stdout)["problems"][0]["where"] == "records/evidence.jsonl"
    for arguments in ((str(pack),), (str(pack), "--key", "no key"), ("/nowhere", "--key", key)):
        assert CliRunner().invoke(commands.app, ["verify", *arguments]).exit_code == 2
    assert run(tmp_path, "prove", "req_7").exit_code == 1


def test_a_witness_is_made_told_and_shown(tmp_path: Path, evidence: Evidence) -> None:
    """It prints its key, knows the logs that it was told of, and is not made twice."""
    seal(evidence, record(1))
    (log,) = json.loads(run(tmp_path, "keys", "--json").stdout)["logs"]
    directory = str(tmp_path / "witness")
    made = CliRunner().invoke(witness.app, ["init", directory, "--name", "witness.example/w1"])
    trusted = CliRunner().invoke(witness.app, ["trust", directory, log])
    shown = json.loads(CliRunner().invoke(witness.app, ["show", directory, "--json"]).stdout)

    assert (made.exit_code, trusted.exit_code) == (0, 0)
    assert made.stdout.strip() == shown["key"]
    assert [known["key"] for known in shown["logs"]] == [log]
    again = CliRunner().invoke(witness.app, ["init", directory, "--name", "other"])
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    assert CliRunner().invoke(witness.app, ["trust", directory, "nobody"]).exit_code == 1
    assert CliRunner().invoke(witness.app, ["show", str(tmp_path / "nowhere")]).exit_code == 1


def test_a_witness_is_a_process_of_its_own(tmp_path: Path, evidence: Evidence) -> None:
    """The house asks it over HTTP, by its settings, and both keep what was signed."""
    seal(evidence, record(1))
    (log,) = json.loads(run(tmp_path, "keys", "--json").stdout)["logs"]
    directory = str(tmp_path / "witness")
    key = CliRunner().invoke(witness.app, ["init", directory, "--name", "witness.example/w1"]).stdout.strip()
    CliRunner().invoke(witness.app, ["trust", directory, log])
    command = [sys.executable, "-m", "courtyard", "witness", "serve", directory, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().strip().removeprefix("the witness answers at ")
        (tmp_path / "courtyard.toml").write_text(f'[evidence]\nwitnesses = ["{key} {url}"]\n')
        told = run(tmp_path, "checkpoint")
        serving.terminate()
    shown = json.loads(CliRunner().invoke(witness.app, ["show", directory, "--json"]).stdout)

    assert told.stdout == "evidence: 1 records, signed by witness.example/w1\n"
    assert shown["logs"][0]["size"] == 1
    assert "witness.example/w1" in run(tmp_path, "checkpoint", "--json").stdout
    proof = tmp_path / "r.tlog-proof"
    run(tmp_path, "prove", "req_1", "-o", str(proof))
    checked = CliRunner().invoke(commands.app, ["verify", str(proof), "--key", log, "--witness", key])
    assert "is right (records: 1, checkpoints: 1, witnesses: witness.example/w1)" in checked.stdout


def test_a_pack_is_made_listed_shown_and_checked(tmp_path: Path, evidence: Evidence) -> None:
    """From the form to the verdict."""
    seal(evidence, record(1))
    form, data = tmp_path / "form.yaml", ["--data-dir", str(tmp_path)]
    invoke = partial(CliRunner(env={"COLUMNS": "200"}).invoke, assurance.app)
    invoke(["form", "labels", "-o", str(form)])
    made = invoke(["make", "labels", "--from", "2026-01-01", "--answers", str(form), "--json", *data])
    id = json.loads(made.stdout)["id"]

    assert id in invoke(["list", *data]).stdout
    assert json.loads(invoke(["show", id, *data]).stdout)["records"]["count"] == 1
    assert "is right (records: 1, checkpoints: 1)" in invoke(["verify", id, *data]).stdout
    refused = invoke(["make", "impact", "--from", "2026-01-01", *data])
    assert (refused.exit_code, "not answered: controller" in refused.stderr) == (1, True)
    assert invoke(["show", "pack_0", *data]).exit_code == 1

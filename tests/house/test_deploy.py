"""What stands in deploy/ is what the house is: files that parse, options that exist, probes that are answered."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from courtyard import cli, settings
from courtyard.app import SHARED_SECRETS
from courtyard.gateway import OPERATIONS
from courtyard.storage import variable
from tests.house.tidy import ROOT

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "courtyard"
TEMPLATES = sorted((CHART / "templates").glob("*.yaml"))
_ACTION = re.compile(r"\{\{-? ?(.*?) ?-?\}\}")
_BLOCK = ("if", "range", "with", "define")


def serve_options() -> set[str]:
    """The options that `courtyard serve` has."""
    serve = typer.main.get_command(cli.app).commands["serve"]
    return {option for parameter in serve.params for option in parameter.opts}


def values() -> dict[str, Any]:
    return yaml.safe_load((CHART / "values.yaml").read_text())


def has(tree: Any, path: str) -> bool:
    """Whether a value of this name is in values.yaml."""
    for name in path.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return False
        tree = tree[name]
    return True


def rendered(template: Path) -> list[dict[str, Any]]:
    """Read a template's documents, with a word in place of each value, and each block once."""
    lines = []
    for line in template.read_text().splitlines():
        actions = _ACTION.findall(line)
        if actions and _ACTION.sub("", line).strip() == "":
            included = any("nindent" in action for action in actions)
            if included:
                depth = int(re.search(r"nindent (\d+)", line)[1])
                lines.append(f"{' ' * depth}x{len(lines)}: y")
            continue
        lines.append(_ACTION.sub("word", line))
    return [document for document in yaml.safe_load_all("\n".join(lines)) if document]


def test_compose_starts_two_nodes_of_one_house() -> None:
    """Both nodes wait for the database, are asked what the house answers, and keep a volume each."""
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    nodes = [service for name, service in composed["services"].items() if name.startswith("node")]

    assert len(nodes) == 2
    assert len({volume for node in nodes for volume in node["volumes"]}) == 2
    assert {volume.partition(":")[0] for node in nodes for volume in node["volumes"]} <= composed["volumes"].keys()
    for node in nodes:
        assert any(path in node["healthcheck"]["test"][-1] for path in OPERATIONS)
        assert {word for word in node["command"] if word.startswith("--")} <= serve_options()
        given = {name: "2" if name.endswith("WORKERS") else value for name, value in node["environment"].items()}
        assert settings.load(environ=given).server.workers == 2


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_of_the_chart_is_whole(template: Path) -> None:
    """Its blocks end, it asks for values that there are, and what is left is Kubernetes' YAML."""
    actions = _ACTION.findall(template.read_text())
    words = [action.split(" ")[0] for action in actions]

    assert sum(word in _BLOCK for word in words) == words.count("end")
    asked = {name for action in actions for name in re.findall(r"\.Values\.([\w.]+)", action)}
    assert {name for name in asked if not has(values(), name)} == set()
    for document in rendered(template):
        assert {"apiVersion", "kind", "metadata", "spec"} <= document.keys()


def test_the_chart_uses_every_value() -> None:
    """Nobody sets a value that nothing reads."""
    text = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    sections = {name for name in values() if not re.search(rf"\.Values\.{name}\b", text)}

    assert sections == set()


def test_pods_are_nodes_with_disks_and_probes() -> None:
    """A StatefulSet with a volume a pod; probes ask what is answered; the time to drain is more than draining takes."""
    (nodes,) = rendered(CHART / "templates" / "nodes.yaml")
    pod = nodes["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    probed = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}

    assert nodes["kind"] == "StatefulSet"
    assert [claim["metadata"]["name"] for claim in nodes["spec"]["volumeClaimTemplates"]] == ["data"]
    assert probed <= set(OPERATIONS)
    assert {word for word in container["args"] if word.startswith("--")} <= serve_options()
    assert values()["terminationGracePeriodSeconds"] > settings.Settings().server.drain_s + 10 + 15
    (budget,) = rendered(CHART / "templates" / "disruption.yaml")
    assert budget["kind"] == "PodDisruptionBudget"


def test_the_unit_serves_and_waits_for_the_drain() -> None:
    """systemd runs a command that exists, and waits for longer than the last receipts take."""
    unit = (DEPLOY / "courtyard.service").read_text()
    (command,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    (patience,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)

    assert command.split()[1] == "serve"
    assert {word for word in command.split() if word.startswith("--")} <= serve_options()
    assert int(patience) > settings.Settings().server.drain_s + 10 + 15


def test_the_wall_leaves_one_way_out() -> None:
    """Under each of the three, who serves has no way out and is told where the egress is; the egress alone has one."""

    class Compose(yaml.SafeLoader):
        """Knows the one word of compose's own."""

    Compose.add_constructor("!reset", lambda _, __: [])
    composed = yaml.load((DEPLOY / "compose.wall.yaml").read_text(), Compose)
    unit, walled = (DEPLOY / "courtyard-egress.service").read_text(), (DEPLOY / "courtyard-walled.conf").read_text()
    policy, outpost = rendered(CHART / "templates" / "wall.yaml")
    container = outpost["spec"]["template"]["spec"]["containers"][0]

    assert composed["networks"]["inside"] == {"internal": True}
    for name, service in composed["services"].items():
        has_a_way = service["networks"] != ["inside"]
        assert has_a_way == (name in ("egress", "door")), name
        if name.startswith("node"):
            assert (service["ports"], settings.load(environ=service["environment"]).egress.run) == ([], False)
    assert composed["services"]["egress"]["entrypoint"] == ["courtyard", "egress"]
    assert re.search(r"^ExecStart=\S+/courtyard egress$", unit, re.MULTILINE)
    said = [
        dict(re.findall(r"^Environment=(COURTYARD_EGRESS\S+?)=(\S+)$", text, re.MULTILINE)) for text in (unit, walled)
    ]
    sockets = {settings.load(environ=environ).egress.socket for environ in said}
    assert sockets == {Path("/run/courtyard/egress.sock")}
    assert not settings.load(environ=said[1]).egress.run
    assert "IPAddressDeny=any" in walled
    assert policy["spec"]["policyTypes"] == ["Egress"]
    assert container["command"] == ["courtyard", "egress"]


def test_what_machines_share_has_a_name_in_the_environment() -> None:
    """`courtyard secrets export` writes what a container reads."""
    assert [variable(name) for name in SHARED_SECRETS] == ["COURTYARD_SECRET_OPERATOR", "COURTYARD_SECRET_PEPPER"]

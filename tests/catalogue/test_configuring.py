"""Engines of other plugins, engines that several models share, and what engines are set to."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from courtyard.catalogue import Catalogue, CatalogueSettings
from courtyard.catalogue.files import Verified
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound, UnknownModel
from courtyard.core.ids import Region
from courtyard.core.placement import Placement
from courtyard.storage import Database
from tests.catalogue.plugin import install

URL = "http://127.0.0.1:8000/v1"

Make = Callable[[], Catalogue]


@pytest.fixture
def make(database: Database, clock: FrozenClock, tmp_path: Path) -> Make:
    return lambda: Catalogue(database, clock, settings=CatalogueSettings(directory=tmp_path / "models"))


@pytest.fixture
def catalogue(make: Make) -> Catalogue:
    return make()


@pytest.fixture
def shouting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", monkeypatch)


def _serve_small(catalogue: Catalogue) -> None:
    """Serve the small model as a start does, from a file that is as large as the right one."""
    (artifact,) = (entry.model.artifact for entry in catalogue.shelf() if "small" in entry.model.aliases)
    assert artifact is not None
    catalogue.settings.directory.mkdir(exist_ok=True)
    path = catalogue.settings.directory / artifact.file
    with path.open("wb") as file:
        file.truncate(artifact.bytes)
    note = Verified(bytes=artifact.bytes, modified_ns=path.stat().st_mtime_ns, sha256=artifact.sha256)
    path.with_name(f"{path.name}.verified").write_bytes(msgspec.json.encode(note))
    catalogue.serve_embedded("small")


def test_an_engine_of_another_plugin_needs_no_address(catalogue: Catalogue, shouting: None) -> None:
    """It is named after its plugin, runs in this node, and a second model shares it."""
    catalogue.add("loud", plugin="shouting", options={"marks": 3})
    catalogue.add("louder", plugin="shouting", upstream="other")
    catalogue.add("far", plugin="shouting", engine="far", region=Region("eu"), url=URL)

    far, here = sorted(catalogue.engines(), key=lambda engine: engine.name)
    assert (here.name, here.plugin, here.url, here.region) == ("shouting", "shouting", None, "home")
    assert (far.name, far.plugin, far.url, far.region, far.options) == ("far", "shouting", URL, "eu", {})
    assert here.options == {"marks": 3}
    assert catalogue.resolve("louder").placements == (Placement(engine=here.name, model="other"),)


def test_a_plugin_at_the_address_of_a_server_is_another_engine(catalogue: Catalogue, shouting: None) -> None:
    """What speaks another protocol is not the same engine."""
    catalogue.add("plain", url=URL)
    catalogue.add("loud", url=URL, plugin="shouting")

    assert [(engine.name, engine.plugin) for engine in catalogue.engines()] == [
        ("127.0.0.1-8000", "openai_compatible"),
        ("127.0.0.1-8000-2", "shouting"),
    ]
    with pytest.raises(Conflict, match="shouting"):
        catalogue.add("plain", url=URL, engine="127.0.0.1-8000-2")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"plugin": "whistling"}, "no engine plugin 'whistling' is installed; there are e5, echo"),
        ({"plugin": "openai_compatible"}, "needs an address"),
        ({"plugin": "shouting", "options": {"stall_s": 3}}, "marks alone"),
        ({"url": URL, "options": {"stal_s": 3}}, "stal_s"),
        ({"url": URL, "options": {"stall_s": "long"}}, "stall_s"),
        ({}, "an address, a plugin, or the name of an engine"),
        ({"engine": "127.0.0.1-9", "key_env": "KEY"}, "has its key and region"),
    ],
)
def test_what_no_engine_takes_is_refused(
    catalogue: Catalogue, shouting: None, facts: dict[str, object], why: str
) -> None:
    """At once, in the plugin's words, and nothing is kept."""
    with pytest.raises(InvalidRequest) as refused:
        catalogue.add("big", **facts)  # type: ignore[arg-type]

    assert why in refused.value.message
    assert catalogue.models() == ()


def test_options_are_set_and_taken_back(catalogue: Catalogue, make: Make) -> None:
    """What is not named stays; other processes see it."""
    catalogue.add("big", url=URL, options={"stall_s": 30, "drain_s": 2})
    beside = make()

    entry = catalogue.configure("big", {"concurrency_max": 8, "drain_s": None})
    beside.reload()

    assert entry.options == {"stall_s": 30, "concurrency_max": 8}
    (engine,) = beside.engines()
    assert engine.options == entry.options


def test_of_several_engines_one_is_named(catalogue: Catalogue) -> None:
    """Options are an engine's, and it has to be one of the model."""
    catalogue.add("big", url=URL, engine="one", aliases=["fast"])
    catalogue.add("big", url="http://127.0.0.1:8001", engine="two")
    catalogue.add("other", url="http://127.0.0.1:8002", engine="three")

    with pytest.raises(InvalidRequest, match="say which: one, two"):
        catalogue.configure("big", {"stall_s": 3})
    with pytest.raises(NotFound, match="it runs on one, two"):
        catalogue.configure("big", {"stall_s": 3}, engine="three")
    with pytest.raises(UnknownModel):
        catalogue.configure("nothing", {"stall_s": 3})
    with pytest.raises(InvalidRequest, match="stal_s"):
        catalogue.configure("big", {"stal_s": 3}, engine="two")
    assert catalogue.configure("fast", {"stall_s": 3}, engine="two").options == {"stall_s": 3}
    assert {engine.name: engine.options for engine in catalogue.engines()} == {
        "one": {},
        "two": {"stall_s": 3},
        "three": {},
    }


def test_an_embedded_engine_has_options_of_its_own(catalogue: Catalogue) -> None:
    """They go before the house's and outlive a start; the file stays the one with the digest."""
    _serve_small(catalogue)
    file = catalogue.engines()[0].options["path"]

    catalogue.configure("small", {"cache_mib": 64, "gpu_layers": 0, "slots": 2, "context_tokens": 2048})
    catalogue.serve_embedded("small")

    (engine,) = catalogue.engines()
    assert engine.options == {
        "path": file, "threads": 0, "slots": 2, "context_tokens": 2048, "cache_mib": 64, "gpu_layers": 0,
    }  # fmt: skip
    assert catalogue.resolve("small").context_tokens == 1024
    with pytest.raises(InvalidRequest, match="has a digest"):
        catalogue.configure("small", {"path": "/other.gguf"})
    with pytest.raises(InvalidRequest, match="cache_mib"):
        catalogue.configure("small", {"cache_mib": -1})


def test_a_lora_adapter_is_another_model_on_the_same_engine(catalogue: Catalogue) -> None:
    """Placed by an operator, it keeps the engine in service when another start would give it up."""
    _serve_small(catalogue)
    (engine,) = catalogue.engines()
    catalogue.configure("small", {"lora": "/adapters/legal.gguf"})

    legal = catalogue.add("small-legal", engine=engine.name, upstream="legal")
    catalogue.rest_embedded()

    assert legal.placements == (Placement(engine=engine.name, model="legal"),)
    assert legal.context_tokens == catalogue.resolve("small").context_tokens
    assert [one.options["lora"] for one in catalogue.engines()] == ["/adapters/legal.gguf"]
    with pytest.raises(NotFound, match="no engine 'nothing'"):
        catalogue.add("small-legal", engine="nothing")
    catalogue.remove(catalogue.resolve("small").name)
    (state,) = catalogue.engine_states()
    assert "was taken out of service" in (state.problem or "")

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from courtyard.catalogue import Catalogue, CatalogueSettings, Model, ModelUnavailable
from courtyard.catalogue.files import Verified
from courtyard.core.chat import Kind
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound, UnknownModel
from courtyard.core.ids import ModelName, Region
from courtyard.core.placement import Placement
from courtyard.storage import Database, Revisions

URL = "http://127.0.0.1:8000/v1"
OTHER_URL = "http://127.0.0.1:8001/v1"

Make = Callable[[], Catalogue]


@pytest.fixture
def make(database: Database, clock: FrozenClock, tmp_path: Path) -> Make:
    return lambda: Catalogue(database, clock, settings=CatalogueSettings(directory=tmp_path / "models"))


@pytest.fixture
def catalogue(make: Make) -> Catalogue:
    return make()


def _lay_file(catalogue: Catalogue, name: str) -> None:
    """Leave the store as an earlier start does: a file of the right size, and the note that its bytes were right."""
    (artifact,) = (entry.model.artifact for entry in catalogue.shelf() if name in entry.model.aliases)
    assert artifact is not None
    catalogue.settings.directory.mkdir(exist_ok=True)
    with (catalogue.settings.directory / artifact.file).open("wb") as file:
        file.truncate(artifact.bytes)
    path = catalogue.settings.directory / artifact.file
    note = Verified(bytes=artifact.bytes, modified_ns=path.stat().st_mtime_ns, sha256=artifact.sha256)
    path.with_name(f"{path.name}.verified").write_bytes(msgspec.json.encode(note))


def test_a_model_of_a_server_is_served_under_its_name_and_aliases(catalogue: Catalogue, clock: FrozenClock) -> None:
    """Name and alias resolve to one model, with what policy, pricing and routing ask of it."""
    catalogue.add("big", url=URL + "/", upstream="Org/Big-72B", aliases=["fast"], context_tokens=32768)

    assert catalogue.resolve("fast") is catalogue.resolve("big")
    assert catalogue.resolve("big") == Model(
        name=ModelName("big"),
        kinds=frozenset({Kind.CHAT, Kind.COMPLETION}),
        context_tokens=32768,
        tokens_max_default=4096,
        aliases=("fast",),
        created_ms=clock.now_ms(),
        owner="",
        placements=(Placement(engine="127.0.0.1-8000", model="Org/Big-72B"),),
    )
    (engine,) = catalogue.engines()
    assert (engine.plugin, engine.url, engine.region, engine.key) == ("openai_compatible", URL, "home", None)


def test_several_engines_stand_behind_one_name(catalogue: Catalogue) -> None:
    """Weights share the load, fallbacks come after, each in a rank of its own."""
    catalogue.add("big", url=URL, weight=3)
    catalogue.add("big", url=OTHER_URL, upstream="other")
    catalogue.add("big", url="http://127.0.0.1:8002", fallback=True)
    catalogue.add("big", url="http://127.0.0.1:8003", fallback=True, engine="last")

    placements = catalogue.resolve("big").placements

    assert [(at.engine, at.weight, at.rank) for at in placements] == [
        ("127.0.0.1-8000", 3, 0),
        ("127.0.0.1-8001", 1, 0),
        ("127.0.0.1-8002", 1, 1),
        ("last", 1, 2),
    ]


def test_adding_the_same_again_changes_what_was_said(catalogue: Catalogue) -> None:
    """The same server is no second engine; the model keeps what is not said again."""
    catalogue.add("big", url=URL, context_tokens=4096, kinds=[Kind.CHAT])
    catalogue.add("big", url=OTHER_URL)

    model = catalogue.add("big", url=URL, weight=5, context_tokens=8000)

    assert [(at.engine, at.weight) for at in model.placements] == [("127.0.0.1-8000", 5), ("127.0.0.1-8001", 1)]
    assert (model.kinds, model.context_tokens) == (frozenset({Kind.CHAT}), 8000)


def test_one_server_serves_several_models(catalogue: Catalogue) -> None:
    """A second model at the same address shares its engine; with another key it is another engine."""
    catalogue.add("a", url=URL)
    catalogue.add("b", url=URL)
    catalogue.add("c", url=URL, key_file="/nonexistent")

    assert [model.placements[0].engine for model in catalogue.models()] == [
        "127.0.0.1-8000",
        "127.0.0.1-8000",
        "127.0.0.1-8000-2",
    ]


def test_an_unknown_name_gets_the_nearest_one(catalogue: Catalogue) -> None:
    """The caller reads what was probably meant, aliases included."""
    with pytest.raises(UnknownModel, match="GET /v1/models"):
        catalogue.resolve("anything")
    catalogue.add("llama-3.1-8b-instruct", url=URL, aliases=["fast"])

    with pytest.raises(UnknownModel, match=r"did you mean 'llama-3\.1-8b-instruct'"):
        catalogue.resolve("Llama-3.1-8B")
    with pytest.raises(UnknownModel, match="did you mean 'fast'") as caught:
        catalogue.resolve("fats")
    assert caught.value.param == "model"


def test_another_process_sees_the_change_after_reload(make: Make, database: Database) -> None:
    """Every change moves the revision, and a reload shows it."""
    one, other = make(), make()
    seen = [Revisions(database).read().get("catalogue", 0)]
    for change in (
        lambda: one.add("big", url=URL),
        lambda: one.set_alias("fast", "big"),
        lambda: one.remove_alias("fast"),
        lambda: one.remove("big"),
    ):
        change()
        seen.append(Revisions(database).read()["catalogue"])
        other.reload()

        assert other.models() == one.models()
        assert other.aliases() == one.aliases()
    assert seen == sorted(set(seen))


def test_a_key_is_kept_by_the_name_of_its_variable(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is read when engines are asked for; without it the engine is left out and the list says why."""
    monkeypatch.delenv("BIG_KEY", raising=False)
    catalogue.add("big", url=URL, key_env="BIG_KEY")

    (state,) = catalogue.engine_states()
    assert catalogue.engines() == ()
    assert state.problem == "the environment variable BIG_KEY with its key is not set"
    with pytest.raises(ModelUnavailable, match="BIG_KEY"):
        catalogue.engine(state.entry.name)
    monkeypatch.setenv("BIG_KEY", "sk-secret\n")
    (engine,) = catalogue.engines()
    assert engine.key == "sk-secret"
    assert "sk-secret" not in repr(engine)
    assert catalogue.engine_states()[0].problem is None


def test_a_key_may_come_from_a_file(catalogue: Catalogue, tmp_path: Path) -> None:
    """A mounted secret is read each time, so it can be changed."""
    file = tmp_path / "key"
    catalogue.add("big", url=URL, key_file=str(file))
    assert "can't be read" in (catalogue.engine_states()[0].problem or "")
    file.write_text("")
    assert "is empty" in (catalogue.engine_states()[0].problem or "")
    file.write_text("sk-one\n")
    assert catalogue.engines()[0].key == "sk-one"
    file.write_text("sk-two\n")

    assert catalogue.engines()[0].key == "sk-two"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"name": "two words"}, "can't name a model"),
        ({"name": ""}, "can't name a model"),
        ({"name": "x" * 121}, "can't name a model"),
        ({"weight": 0}, "weight"),
        ({"context_tokens": 0}, "context"),
        ({"url": "http://169.254.169.254/latest"}, "metadata"),
        ({"key_env": "sk-proj-1234"}, "name of the environment variable"),
        ({"key_env": "A", "key_file": "b"}, "not by both"),
        ({"url": "https://8.8.8.8/v1"}, "say where it stands"),
        ({"aliases": ["no good"]}, "can't name an alias"),
    ],
)
def test_what_makes_no_sense_is_refused(catalogue: Catalogue, facts: dict[str, object], why: str) -> None:
    """Nothing is written, and the message says what to do; a key given by mistake is not repeated in it."""
    with pytest.raises(InvalidRequest, match=why) as caught:
        catalogue.add(**{"name": "big", "url": URL} | facts)  # type: ignore[arg-type]

    assert catalogue.models() == ()
    assert catalogue.engine_states() == ()
    assert "sk-proj" not in caught.value.message


def test_a_server_outside_needs_a_region(catalogue: Catalogue) -> None:
    """Where it stands is what residency is decided by, so it is said and not guessed."""
    catalogue.add("far", url="https://8.8.8.8/v1", region=Region("eu"))

    assert [engine.region for engine in catalogue.engines()] == ["eu"]


def test_names_and_aliases_do_not_overlap(catalogue: Catalogue) -> None:
    """A name stands for one thing."""
    catalogue.add("big", url=URL, aliases=["fast"])

    with pytest.raises(Conflict, match="alias of 'big'"):
        catalogue.add("fast", url=OTHER_URL)
    with pytest.raises(Conflict, match="name of a model"):
        catalogue.set_alias("big", "big")
    with pytest.raises(Conflict, match="name of a model"):
        catalogue.add("small", url=OTHER_URL, aliases=["big"])
    assert [model.name for model in catalogue.models()] == ["big"]


def test_an_alias_moves_from_model_to_model(catalogue: Catalogue) -> None:
    """`fast` is what the operator says now."""
    catalogue.add("a", url=URL, aliases=["fast"])
    catalogue.add("b", url=URL)

    moved = catalogue.set_alias("fast", "b")

    assert moved.name == "b"
    assert catalogue.resolve("a").aliases == ()
    catalogue.remove_alias("fast")
    with pytest.raises(UnknownModel):
        catalogue.resolve("fast")
    with pytest.raises(NotFound):
        catalogue.remove_alias("fast")


def test_removing_takes_everything_along(catalogue: Catalogue) -> None:
    """The model goes with its aliases and with engines that nothing else runs on."""
    catalogue.add("a", url=URL, aliases=["fast"])
    catalogue.add("a", url=OTHER_URL)
    catalogue.add("b", url=URL)

    with pytest.raises(InvalidRequest, match="is an alias"):
        catalogue.remove("fast")
    with pytest.raises(NotFound, match="does not run on"):
        catalogue.remove("a", engine="elsewhere")
    catalogue.remove("a", engine="127.0.0.1-8001")
    assert [at.engine for at in catalogue.resolve("a").placements] == ["127.0.0.1-8000"]
    catalogue.remove("a")
    assert [model.name for model in catalogue.models()] == ["b"]
    assert [engine.name for engine in catalogue.engines()] == ["127.0.0.1-8000"]
    catalogue.remove("b", engine="127.0.0.1-8000")
    assert catalogue.models() == ()
    assert catalogue.engine_states() == ()
    with pytest.raises(NotFound):
        catalogue.remove("b")


def test_an_embedded_model_is_served_from_the_store(catalogue: Catalogue) -> None:
    """The engine gets this node's path and settings; a request has its slot's part of the context."""
    with pytest.raises(ModelUnavailable, match="models pull"):
        catalogue.serve_embedded("small")
    _lay_file(catalogue, "small")

    model = catalogue.serve_embedded("small")

    (engine,) = catalogue.engines()
    assert (engine.name, engine.plugin, engine.region) == ("embedded-smollm2-135m-instruct", "llama_cpp", "home")
    assert engine.options == {
        "path": str(catalogue.settings.directory / "SmolLM2-135M-Instruct.Q4_1.gguf"),
        "threads": 0,
        "slots": 4,
        "context_tokens": 16384,
    }
    assert (model.context_tokens, model.tokens_max_default, model.licence) == (4096, 1024, "Apache-2.0")
    assert set(model.aliases) == {"small", "default"}
    assert catalogue.resolve("default") is model


def test_a_node_without_the_file_leaves_the_engine_out(catalogue: Catalogue) -> None:
    """Nodes share the catalogue and not their disks: each runs what it has."""
    _lay_file(catalogue, "small")
    catalogue.serve_embedded("small")
    (catalogue.settings.directory / "SmolLM2-135M-Instruct.Q4_1.gguf").unlink()

    assert catalogue.engines() == ()
    assert "is not in" in (catalogue.engine_states()[0].problem or "")


def test_a_file_that_was_changed_is_not_run(catalogue: Catalogue) -> None:
    """Bytes nobody checked are not served, though they stand under the right name."""
    _lay_file(catalogue, "small")
    catalogue.serve_embedded("small")
    os.utime(catalogue.settings.directory / "SmolLM2-135M-Instruct.Q4_1.gguf", ns=(1, 1))

    assert catalogue.engines() == ()
    assert "is another than it was" in (catalogue.engine_states()[0].problem or "")


def test_one_start_gives_way_to_the_next(catalogue: Catalogue) -> None:
    """`--model small` after the default serves one chat model, not two; embeddings stand beside it."""
    _lay_file(catalogue, "small")
    _lay_file(catalogue, "default")
    catalogue.serve_embedded("default")
    catalogue.serve_embedded("embed")

    catalogue.serve_embedded("small")

    assert {model.name for model in catalogue.models()} == {"smollm2-135m-instruct", "multilingual-e5-small"}
    assert catalogue.resolve("default").name == "smollm2-135m-instruct"
    catalogue.serve_embedded("default")
    assert catalogue.resolve("default").name == "qwen2.5-coder-1.5b-instruct"
    assert {engine.plugin for engine in catalogue.engines()} == {"llama_cpp", "e5"}
    catalogue.rest_embedded()
    assert catalogue.models() == ()


def test_what_an_operator_asked_for_stays(catalogue: Catalogue) -> None:
    """A pulled model, and one with a name of the operator's, outlast the next start."""
    _lay_file(catalogue, "small")
    _lay_file(catalogue, "default")
    catalogue.serve_embedded("small", chosen=True)
    catalogue.serve_embedded("default")
    catalogue.set_alias("coder", "default")

    catalogue.serve_embedded("echo")

    assert {model.name for model in catalogue.models()} == {
        "smollm2-135m-instruct",
        "qwen2.5-coder-1.5b-instruct",
        "echo",
    }
    assert catalogue.resolve("default").name == "echo"
    assert catalogue.resolve("coder").name == "qwen2.5-coder-1.5b-instruct"


def test_a_default_of_the_operator_is_never_taken(catalogue: Catalogue) -> None:
    """`default` on a server of the operator's stays there: a start needs no file for it, and serves it."""
    catalogue.add("big", url=URL, aliases=["default"])

    assert catalogue.bring("default") is None
    assert catalogue.serve_embedded("default").name == "big"
    catalogue.serve_embedded("echo")
    assert catalogue.resolve("default").name == "big"


def test_serving_again_keeps_what_was_said_since(catalogue: Catalogue) -> None:
    """A second start changes neither weights nor fallbacks of the first."""
    catalogue.serve_embedded("echo")
    catalogue.add("echo", url=URL, fallback=True)
    before = catalogue.resolve("echo")

    assert catalogue.serve_embedded("echo") == before
    assert [(at.engine, at.rank) for at in before.placements] == [("embedded-echo", 0), ("127.0.0.1-8000", 1)]


def test_models_that_come_with_an_engine_need_no_file(catalogue: Catalogue) -> None:
    """`echo` and the embeddings are served as they are."""
    assert catalogue.bring("echo") is None
    assert catalogue.serve_embedded("echo").kinds == frozenset(Kind)
    assert catalogue.serve_embedded("embed").kinds == frozenset({Kind.EMBEDDING})
    assert {engine.options == {} for engine in catalogue.engines()} == {True}


def test_the_shelf_says_how_far_each_model_is(catalogue: Catalogue) -> None:
    """Present, on its way, or not here; and what it takes in memory with this node's context."""
    _lay_file(catalogue, "small")
    catalogue.serve_embedded("small")

    shelf = {entry.model.name: entry for entry in catalogue.shelf()}
    small, default = shelf[ModelName("smollm2-135m-instruct")], shelf[ModelName("qwen2.5-coder-1.5b-instruct")]

    assert (small.present, small.served, small.bytes_here) == (True, True, 98_362_432)
    assert (default.present, default.served, default.bytes_here) == (False, False, 0)
    assert default.memory_bytes == 1_850_000_000 + 28_672 * 16384
    with pytest.raises(UnknownModel, match="did you mean 'smollm2-135m-instruct'"):
        catalogue.bring("smollm")

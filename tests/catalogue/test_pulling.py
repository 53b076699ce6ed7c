import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.catalogue import Catalogue, CatalogueSettings, Layout, ModelUnavailable, NotEnoughMemory, WrongFile
from courtyard.core.chat import Kind
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.storage import Database
from tests.catalogue.hub import COMMIT, REPO, LocalHub
from tests.catalogue.making import gguf, noise

FILE = "Tiny-Chat.Q4_0.gguf"
NAME = "tiny-chat.q4_0"


@pytest.fixture
def catalogue(tmp_path: Path, hub: LocalHub, clock: FrozenClock) -> Iterator[Catalogue]:
    database = Database.in_directory(tmp_path)
    database.upgrade()
    hub.files[FILE] = gguf(context=8192)
    yield Catalogue(database, clock, settings=CatalogueSettings(directory=tmp_path / "models", hub_url=hub.url))
    database.close()


def test_a_model_of_the_hub_is_brought_and_served(catalogue: Catalogue, hub: LocalHub) -> None:
    """Named after its file, with the digest that the hub states and the facts that the file states."""
    model = catalogue.pull(REPO, FILE)

    assert model == catalogue.resolve(NAME)
    assert model.digest == hashlib.sha256(hub.files[FILE]).hexdigest()
    assert (model.context_tokens, model.licence, model.owner) == (4096, "mit", "maker")
    assert model.kinds == {Kind.CHAT, Kind.COMPLETION}
    assert catalogue.resolve("default") is model
    (engine,) = catalogue.engines()
    assert engine.options["path"] == str(catalogue.settings.directory / FILE)
    assert f"/{REPO}/resolve/{COMMIT}/{FILE}" in hub.asked[-1][1], "the commit is pinned"


def test_a_hub_of_the_other_layout_works_too(catalogue: Catalogue, hub: LocalHub) -> None:
    """ModelScope states digests in a list of files, and keeps its files behind /models."""
    model = catalogue.pull(REPO, FILE, layout=Layout.MODELSCOPE)

    assert model is not None
    assert model.digest == hashlib.sha256(hub.files[FILE]).hexdigest()
    assert [path.partition("?")[0] for _, path, _ in hub.asked] == [
        f"/api/v1/models/{REPO}/repo/files",
        f"/models/{REPO}/resolve/master/{FILE}",
    ]


def test_a_pulled_model_is_brought_again_by_its_name(catalogue: Catalogue, hub: LocalHub) -> None:
    """Where it came from is kept, so another node, or this one after a loss, brings it by name."""
    catalogue.pull(REPO, FILE, hub_url=hub.url)
    (catalogue.settings.directory / FILE).unlink()
    assert catalogue.engines() == ()

    path = catalogue.bring(NAME)

    assert path is not None
    assert path.read_bytes() == hub.files[FILE]
    assert len(catalogue.engines()) == 1


@pytest.mark.parametrize("layout", list(Layout))
def test_a_hub_that_states_no_digest_needs_one_from_the_operator(
    catalogue: Catalogue, hub: LocalHub, layout: Layout
) -> None:
    """Nothing is served unchecked."""
    hub.states_digests = False
    with pytest.raises(ModelUnavailable, match="give the right one by --sha256"):
        catalogue.pull(REPO, FILE, layout=layout)

    model = catalogue.pull(REPO, FILE, layout=layout, sha256=hashlib.sha256(hub.files[FILE]).hexdigest().upper())

    assert model is not None


def test_a_digest_that_differs_is_refused_before_anything_comes(catalogue: Catalogue, hub: LocalHub) -> None:
    """The operator's digest is the one that counts."""
    with pytest.raises(WrongFile, match="has the digest"):
        catalogue.pull(REPO, FILE, sha256="0" * 64)

    assert [method for method, _, _ in hub.asked] == ["HEAD"]
    assert catalogue.models() == ()


def test_what_is_no_model_is_deleted(catalogue: Catalogue, hub: LocalHub) -> None:
    """A right digest of a wrong thing: it is not served and takes no room."""
    hub.files["picture.gguf"] = noise(5000)

    with pytest.raises(WrongFile, match="is no GGUF file"):
        catalogue.pull(REPO, "picture.gguf")

    assert [file.name for file in catalogue.settings.directory.iterdir()] == [".picture.gguf.lock"]


def test_what_does_not_fit_memory_is_refused_first(hub: LocalHub, clock: FrozenClock, tmp_path: Path) -> None:
    """A context beyond this machine's memory is refused with both numbers, and nothing is fetched."""
    database = Database.in_directory(tmp_path)
    database.upgrade()
    settings = CatalogueSettings(directory=tmp_path / "models", hub_url=hub.url, context_tokens=10**9)

    with pytest.raises(NotEnoughMemory, match=r"needs 2\d,\d{3}.\d\d GB of memory .* are available"):
        Catalogue(database, clock, settings=settings).bring("default")

    database.close()
    assert hub.asked == []


@pytest.mark.parametrize(
    ("repo", "file", "facts"),
    [
        ("maker", FILE, {}),
        ("../..", FILE, {}),
        ("maker/model/more", FILE, {}),
        (REPO, "../../etc/passwd", {}),
        (REPO, "/etc/passwd", {}),
        (REPO, FILE, {"revision": "../../x"}),
        (REPO, FILE, {"sha256": "abc"}),
        (REPO, FILE, {"name": "no good"}),
    ],
)
def test_names_lead_nowhere_else(
    catalogue: Catalogue, hub: LocalHub, repo: str, file: str, facts: dict[str, str]
) -> None:
    """Neither an address nor a path is made from what is no name; the hub is not even asked."""
    with pytest.raises(InvalidRequest):
        catalogue.pull(repo, file, **facts)

    assert hub.asked == []


def test_a_name_stands_for_one_file(catalogue: Catalogue, hub: LocalHub) -> None:
    """Another file under a name that is taken is refused; under another name both stand side by side."""
    catalogue.pull(REPO, FILE)
    hub.files[FILE] = gguf(context=1024)

    with pytest.raises(Conflict, match="another --name"):
        catalogue.pull(REPO, FILE)
    with pytest.raises(Conflict, match="another --name"):
        catalogue.pull(REPO, FILE, name="default")
    newer = catalogue.pull(REPO, FILE, name="newer")

    assert newer is not None
    assert newer.context_tokens == 1024
    assert len({engine.options["path"] for engine in catalogue.engines()}) == 2


def test_a_base_model_completes_and_does_not_chat(catalogue: Catalogue, hub: LocalHub) -> None:
    """What a file can't do is not offered; what the operator says counts."""
    hub.files["base.gguf"] = gguf(template=False)
    hub.files["bert.gguf"] = gguf(architecture="nomic-bert", template=False)

    base, bert = catalogue.pull(REPO, "base.gguf"), catalogue.pull(REPO, "bert.gguf")
    told = catalogue.pull(REPO, "base.gguf", name="told", kinds=[Kind.EMBEDDING])

    assert base is not None
    assert bert is not None
    assert told is not None
    assert (base.kinds, bert.kinds, told.kinds) == ({Kind.COMPLETION}, {Kind.EMBEDDING}, {Kind.EMBEDDING})


def test_only_the_file_can_be_brought(catalogue: Catalogue) -> None:
    """For a machine that hands its store on to others."""
    assert catalogue.pull(REPO, FILE, to_serve=False) is None
    assert (catalogue.settings.directory / FILE).exists()
    assert catalogue.models() == ()


def test_removing_deletes_the_file_only_when_told(catalogue: Catalogue) -> None:
    """A file that two models are served from stays as long as one of them is."""
    catalogue.pull(REPO, FILE)
    catalogue.pull(REPO, FILE, name="twin")
    path = catalogue.settings.directory / FILE

    catalogue.remove("twin", file=True)
    assert path.exists()
    catalogue.remove(NAME, file=True)

    assert not path.exists()
    assert not path.with_name(f"{FILE}.verified").exists()


def test_the_licence_lies_beside_the_file(catalogue: Catalogue, hub: LocalHub) -> None:
    """Whoever hands the store on hands the notice and the words of the licence on too."""
    hub.files["open.gguf"] = gguf(licence="apache-2.0")

    catalogue.pull(REPO, "open.gguf")

    words = (catalogue.settings.directory / "open.gguf.licence.txt").read_text()
    assert f"open.gguf of {REPO}" in words
    assert "Apache License" in words

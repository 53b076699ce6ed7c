"""A backup is one file that holds the house whole, and says so when it does not."""

import tarfile
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.clock import FrozenClock
from courtyard.storage import Committer, Database, Log, backup, chain, cut, read, verify
from courtyard.storage import log as log_module
from courtyard.storage.chain_copy import copied

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def filled(directory: Path, *times_ms: int) -> None:
    """Write entries made at these moments, each in a flush of its own."""
    committer = Committer()
    log = Log(directory, name="journal", committer=committer, signing_key=KEY, clock=FrozenClock())
    log.open()
    for at_ms in times_ms:
        log.append(b'{"at_ms":%d}' % at_ms).commit.wait(10)
    log.close()
    committer.close()


def times(directory: Path) -> list[int]:
    return [msgspec.json.decode(entry.raw)["at_ms"] for entry in read(directory)]


def house(directory: Path) -> Database:
    """A data directory with a database, a journal and a key."""
    filled(directory / "journal", 1, 2, 3)
    (directory / "keys").mkdir()
    (directory / "keys" / "pepper.key").write_text("11" * 32)
    (directory / "courtyard.toml").write_text('region = "home"\n')
    database = Database.in_directory(directory)
    database.upgrade()
    return database


def saved(directory: Path, target: Path, *, keys: bool = True) -> backup.Manifest:
    """Back a house up."""
    database = house(directory)
    try:
        return backup.write(target, directory, database, logs=["journal", "evidence"], keys=keys, at_ms=7)
    finally:
        database.close()


def changed(source: Path, target: Path, name: str, content: bytes) -> None:
    """Write a backup again with another content of one file."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            data = old.extractfile(member)
            assert data is not None
            text = content if member.name == name else data.read()
            member.size = len(text)
            new.addfile(member, BytesIO(text))


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    """Database, journal, settings and keys are the same after a way through one file that only its owner reads."""
    manifest = saved(tmp_path / "data", tmp_path / "house.tar")
    unpacked = backup.unpack(tmp_path / "house.tar", tmp_path / "new")

    assert unpacked == manifest == backup.read(tmp_path / "house.tar")
    assert (manifest.made_at_ms, manifest.database, manifest.has_keys) == (7, "courtyard.db", True)
    assert times(tmp_path / "new" / "journal") == [1, 2, 3]
    for name in ("keys/pepper.key", "courtyard.toml"):
        assert (tmp_path / "new" / name).read_bytes() == (tmp_path / "data" / name).read_bytes()
    assert (tmp_path / "house.tar").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new" / "keys" / "pepper.key").stat().st_mode & 0o777 == 0o600
    restored = Database.in_directory(tmp_path / "new")
    restored.upgrade()
    restored.close()


def test_keys_stay_out_where_they_are_not_wanted(tmp_path: Path) -> None:
    """A backup without keys holds no file of them, and says so."""
    manifest = saved(tmp_path / "data", tmp_path / "house.tar", keys=False)

    assert not manifest.has_keys
    assert not [name for name in manifest.files if name.startswith("keys/")]


@pytest.mark.parametrize("name", ["courtyard.db", "journal/00000001.jsonl", "keys/pepper.key"])
def test_a_changed_file_is_named(tmp_path: Path, name: str) -> None:
    """Whichever file of a backup was changed, nothing is unpacked and it is named."""
    saved(tmp_path / "data", tmp_path / "house.tar")
    changed(tmp_path / "house.tar", tmp_path / "bad.tar", name, b"something else")

    with pytest.raises(backup.BackupDamaged, match=name):
        backup.unpack(tmp_path / "bad.tar", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("keep", [0, 512, 0.5, 0.9])
def test_a_backup_that_was_cut_short_is_refused(tmp_path: Path, keep: float) -> None:
    """However much of its end is missing, it is no backup."""
    saved(tmp_path / "data", tmp_path / "house.tar")
    data = (tmp_path / "house.tar").read_bytes()
    (tmp_path / "short.tar").write_bytes(data[: int(keep if keep > 1 else keep * len(data))])

    with pytest.raises(backup.BackupDamaged):
        backup.read(tmp_path / "short.tar")


@pytest.mark.parametrize("name", ["../outside", "/outside", "journal/../../outside"])
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    """A backup that somebody made up writes nothing beside the directory."""
    text = b"x"
    manifest = msgspec.json.encode(
        backup.Manifest(
            made_at_ms=1,
            database="",
            revision="",
            has_keys=False,
            files={
                name: backup.Sum(bytes=1, sha256="2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
            },
        )
    )
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        for member, content in ((name, text), (backup.MANIFEST, manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, BytesIO(content))

    with pytest.raises(backup.BackupDamaged, match="holds no"):
        backup.unpack(tmp_path / "bad.tar", tmp_path / "in" / "new")
    assert list((tmp_path / "in" / "new").iterdir()) == []
    assert not list(tmp_path.rglob("outside"))


def test_a_copy_of_a_growing_file_ends_with_a_flush(tmp_path: Path) -> None:
    """At whatever byte a flush stood when the file was read, the copy holds the flushes before it, and verifies."""
    filled(tmp_path / "journal", 1, 2, 3)
    (path,) = chain.files(tmp_path / "journal")
    data = path.read_bytes()
    ends = [end for end in range(len(data) + 1) if data[:end].endswith(b"\n") and b'\n{"page"' in data[:end][-250:]]
    for size in range(0, len(data) + 1, 7):
        path.write_bytes(data[:size])
        copy = copied(path)
        (tmp_path / "copy").mkdir(exist_ok=True)
        target = tmp_path / "copy" / path.name
        target.write_bytes(copy)

        assert copy == data[: len(copy)]
        assert copy == b"" or verify(tmp_path / "copy", KEY.public_key()).damages == ()
    assert ends


@pytest.mark.parametrize(
    ("until_ms", "left"), [(0, []), (1, []), (2, [1]), (4, [1, 2, 3]), (6, [1, 2, 3, 4, 5]), (9, [1, 2, 3, 4, 5, 6])]
)
def test_a_log_is_cut_at_a_moment(
    tmp_path: Path, until_ms: int, left: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the ends of files, what is later goes, and the tree over it; what is left goes on as a whole chain."""
    monkeypatch.setattr(log_module, "EPOCH_BYTES_MAX", 900)
    filled(tmp_path, 1, 2, 3, 4, 5, 6)
    assert len(chain.files(tmp_path)) > 1
    (tmp_path / "tree").mkdir()
    removed = cut(tmp_path, until_ms)
    filled(tmp_path, 100)

    assert removed == 6 - len(left)
    assert times(tmp_path) == [*left, 100]
    assert (tmp_path / "tree").exists() == (removed == 0)
    assert verify(tmp_path, KEY.public_key()).damages == ()

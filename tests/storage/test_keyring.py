"""Secrets stand in files that only their owner reads, or come from the environment."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.storage import Keyring


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """32 random bytes by name, the same for every reader afterwards."""
    keyring = Keyring(tmp_path / "keys")
    pepper, other = keyring.secret("pepper"), keyring.secret("other")

    assert len(pepper) == len(other) == 32
    assert pepper != other
    assert Keyring(tmp_path / "keys").secret("pepper") == pepper


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """Whatever the umask says, the directory has mode 0700 and each file 0600."""
    before = os.umask(0)
    try:
        keyring = Keyring(tmp_path / "keys")
        keyring.secret("pepper")
        keyring.keep("first-key", "cy_x")
    finally:
        os.umask(before)

    assert mode(tmp_path / "keys") == 0o700
    assert mode(tmp_path / "keys" / "pepper.key") == mode(tmp_path / "keys" / "first-key") == 0o600


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation whose secrets come from a manager keeps none in files."""
    monkeypatch.setenv("COURTYARD_SECRET_PEPPER", f" {'0a' * 32}\n")
    keyring = Keyring(tmp_path / "keys")

    assert keyring.secret("pepper") == b"\x0a" * 32
    assert list((tmp_path / "keys").iterdir()) == []


@pytest.mark.parametrize("bad", ["", "0a", "0a" * 31, "0a" * 33, "zz" * 32, "hunter2"])
def test_what_is_no_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    """Neither a file nor the environment may hold anything but 64 hex digits, and the message shows none of it."""
    keyring = Keyring(tmp_path / "keys")
    (tmp_path / "keys" / "pepper.key").write_text(bad)
    monkeypatch.setenv("COURTYARD_SECRET_OTHER", bad)

    for name in ("pepper", "other"):
        with pytest.raises(ValueError, match=f"secret '{name}' must be 64 hex digits") as refused:
            keyring.secret(name)
        assert bad == "" or bad not in str(refused.value)


def test_a_signing_key_is_its_secret(tmp_path: Path) -> None:
    """The 32 bytes are an Ed25519 private key as RFC 8032 has it."""
    keyring = Keyring(tmp_path / "keys")
    key = keyring.signing_key("node")

    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == keyring.secret("node")


def test_a_text_is_kept_and_replaced(tmp_path: Path) -> None:
    """What was kept is read back; what was not is nothing."""
    keyring = Keyring(tmp_path / "keys")
    assert keyring.kept("first-key") is None
    keyring.keep("first-key", "a longer text")
    keyring.keep("first-key", "short")

    assert keyring.kept("first-key") == "short"


def test_processes_that_make_a_secret_at_once_read_the_same(tmp_path: Path) -> None:
    """Nobody sees a file that is made but not yet written."""
    for name in (f"s{n}" for n in range(100)):
        start = Barrier(4)

        def read(_: int, name: str = name, start: Barrier = start) -> bytes:
            start.wait()
            return Keyring(tmp_path / "keys").secret(name)

        with ThreadPoolExecutor(4) as threads:
            assert len(set(threads.map(read, range(4)))) == 1

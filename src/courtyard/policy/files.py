"""A pack's files: read from a directory or an archive within bounds, and named by one digest."""

import io
import json
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from courtyard.policy.pack import PackRefused

ENVELOPE = "pack.dsse.json"
"""The signature, which stands beside what it signs."""

NEEDED = ("manifest.yaml", "taxonomy.yaml", "parameters.yaml", "policies.cedar", "obligations.yaml", "vectors.jsonl")
_FOLDERS = ("labels", "reports")
_INNER = re.compile(r"(?:labels|reports)/[a-z0-9][a-z0-9-]{0,63}\.yaml")
_FILES_MAX = 64
_FILE_BYTES_MAX = 1 << 20
_BYTES_MAX = 4 << 20
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def read_files(path: Path) -> dict[str, bytes]:
    """Read every file of a pack, from a directory or from one archive.

    Raises:
        PackRefused: it is neither, holds what is no part of a pack, or is too large.
    """
    try:
        if path.is_dir():
            return _bounded(_in_directory(path))
        if path.stat().st_size > _BYTES_MAX:
            raise PackRefused(f"{path} is larger than {_BYTES_MAX:,} bytes; a pack holds rules, not data")
        return read_archive(path.read_bytes())
    except OSError as error:
        raise PackRefused(f"{path} can't be read: {error.strerror or error}") from error


def read_archive(archive: bytes) -> dict[str, bytes]:
    """Read every file of an archive, in memory: nothing is ever unpacked to a disk.

    Raises:
        PackRefused: it is none, holds what is no part of a pack, or is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return _bounded(_in_archive(opened))
    except (zipfile.BadZipFile, RuntimeError, EOFError) as error:
        raise PackRefused(f"this is no pack archive: {error}") from error


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """Write files as one archive, the same bytes each time."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return written.getvalue()


def digest_of(files: Mapping[str, bytes]) -> str:
    """Name a pack by what is in it: SHA-256 over the canonical JSON of each file's SHA-256, the signature left out."""
    digests = {name: sha256(files[name]).hexdigest() for name in sorted(files) if name != ENVELOPE}
    return sha256(json.dumps(digests, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def text_of(files: Mapping[str, bytes], name: str) -> str:
    """Read one file as text.

    Raises:
        PackRefused: it is not there, or no UTF-8.
    """
    try:
        return files[name].decode()
    except KeyError as error:
        raise PackRefused(f"the pack has no {name}; it needs {', '.join(NEEDED)}") from error
    except UnicodeDecodeError as error:
        raise PackRefused(f"{name} is no UTF-8 text") from error


def inner(files: Mapping[str, bytes], folder: str) -> list[str]:
    """Name the files of `labels` or `reports`."""
    return sorted(name for name in files if name.startswith(f"{folder}/"))


def _in_directory(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.iterdir()):
        if path.name in _FOLDERS and stat.S_ISDIR(path.lstat().st_mode):
            for within in sorted(path.iterdir()):
                yield f"{path.name}/{within.name}", _plain(within)
        else:
            yield path.name, _plain(path)


def _plain(path: Path) -> bytes:
    """Read a file that is one; a link or a device could lead anywhere."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise PackRefused(f"{path} is no plain file")
    with path.open("rb") as file:
        return file.read(_FILE_BYTES_MAX + 1)


def _in_archive(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.flag_bits & 1:
            raise PackRefused(f"{entry.filename!r} is a link or encrypted")
        with archive.open(entry) as file:
            yield entry.filename, file.read(_FILE_BYTES_MAX + 1)


def _bounded(found: Iterator[tuple[str, bytes]]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for name, content in found:
        if name not in (*NEEDED, ENVELOPE) and not _INNER.fullmatch(name):
            raise PackRefused(
                f"{name!r} is no part of a pack; it holds {', '.join(NEEDED)}, and YAML files in labels/ and reports/"
            )
        if name in files:
            raise PackRefused(f"{name} is in the pack twice")
        total += len(content)
        if len(content) > _FILE_BYTES_MAX or total > _BYTES_MAX or len(files) == _FILES_MAX:
            raise PackRefused(
                f"the pack is too large at {name}: a file has at most {_FILE_BYTES_MAX:,} bytes, all together "
                f"{_BYTES_MAX:,}, and there are at most {_FILES_MAX}"
            )
        files[name] = content
    return files

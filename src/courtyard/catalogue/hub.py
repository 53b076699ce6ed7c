"""Files from a hub that is laid out like Hugging Face or like ModelScope."""

import hashlib
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from threading import Event
from urllib.parse import quote, urlencode, urljoin, urlsplit

import msgspec

from courtyard.catalogue.files import CHUNK_BYTES, chunks, write_all
from courtyard.catalogue.http import Refused, Response, Unreachable, open_url
from courtyard.catalogue.model import Artifact, HubFile, Layout, Progress, WrongFile

_TRIES_WITHOUT_PROGRESS = 4
_PAUSE_S = 0.5
_LISTING_BYTES_MAX = 16 * 1024 * 1024
_DIGEST_HEX = 64


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub says about one of its files, before it is fetched."""

    bytes: int
    sha256: str | None
    revision: str


class _File(msgspec.Struct, frozen=True, rename="pascal"):
    path: str
    size: int = 0
    sha256: str = ""
    revision: str = ""


class _Files(msgspec.Struct, frozen=True, rename="pascal"):
    files: list[_File] = []


class _Listing(msgspec.Struct, frozen=True, rename="pascal"):
    data: _Files = _Files()


class Hub:
    """One hub, by its base address. `pause` lets whoever waits between tries be woken."""

    def __init__(self, url: str, *, pause: Event | None = None) -> None:
        self._url = url.rstrip("/")
        self._pause = pause or Event()

    def look_up(self, wanted: HubFile) -> Listed:
        """Ask for a file's size and digest.

        Raises:
            Unreachable: the hub can't be reached.
            Refused: it has no such file.
        """
        if wanted.layout is Layout.MODELSCOPE:
            return self._look_up_modelscope(wanted)
        response = open_url(self._address(wanted), method="HEAD", follow=False)
        response.close()
        if self._leads_elsewhere_here(response):
            # Renamed repositories redirect within the hub, and only then to where the bytes are.
            response = open_url(urljoin(self._url, response.headers["location"]), method="HEAD", follow=False)
            response.close()
        size = response.headers.get("x-linked-size") or response.headers.get("content-length") or "0"
        digest = (response.headers.get("x-linked-etag") or "").removeprefix("W/").strip('"')
        return Listed(
            bytes=int(size) if size.isdecimal() else 0,
            sha256=digest if len(digest) == _DIGEST_HEX else None,
            revision=response.headers.get("x-repo-commit") or wanted.revision,
        )

    def fetch(self, wanted: HubFile, artifact: Artifact, part: Path, progress: Progress) -> None:
        """Bring the rest of a file into `part`, however often the line breaks, as long as it brings something.

        Raises:
            WrongFile: it has another size or another digest; `part` is gone then.
            Unreachable: the line broke too often in a row; what came is kept.
            Refused: the hub does not have it.
        """
        resumed = part.exists()
        digest = self._fetch(wanted, artifact, part, progress)
        if digest != artifact.sha256 and resumed:
            part.unlink()  # What lay there may have been the wrong part: once more, from the beginning.
            digest = self._fetch(wanted, artifact, part, progress)
        if digest != artifact.sha256:
            part.unlink()
            raise WrongFile(f"what the hub sends as {wanted.file} has the digest {digest}, not {artifact.sha256}")

    def _fetch(self, wanted: HubFile, artifact: Artifact, part: Path, progress: Progress) -> str:
        label, failures = f"downloading {artifact.file}", 0
        with _Receiving(part, artifact) as receiving:
            begun_at = receiving.size
            while receiving.missing:
                before = receiving.size
                try:
                    for size in self._pieces(wanted, receiving):
                        progress(label, size, artifact.bytes)
                except (OSError, HTTPException, Unreachable) as error:
                    failures = 1 if receiving.size > before else failures + 1
                    if failures >= _TRIES_WITHOUT_PROGRESS or receiving.size == begun_at:
                        raise _broken_off(wanted, error) from error
                    self._pause.wait(_PAUSE_S * failures)
            return receiving.digest

    def _pieces(self, wanted: HubFile, receiving: "_Receiving") -> Iterator[int]:
        headers = {"range": f"bytes={receiving.size}-"} if receiving.size else {}
        response = open_url(self._address(wanted), headers=headers)
        try:
            receiving.begin(response)
            while receiving.missing and (piece := response.read(min(CHUNK_BYTES, receiving.missing))):
                receiving.take(piece)
                yield receiving.size
        finally:
            response.close()
        if receiving.missing:
            raise Unreachable(f"it ended {receiving.missing} bytes too early")

    def _look_up_modelscope(self, wanted: HubFile) -> Listed:
        query = urlencode({"Revision": wanted.revision, "Recursive": "true"})
        response = open_url(f"{self._url}/api/v1/models/{quote(wanted.repo)}/repo/files?{query}")
        try:
            listing = msgspec.json.decode(response.read(_LISTING_BYTES_MAX), type=_Listing)
        except (msgspec.DecodeError, OSError, HTTPException) as error:
            raise Refused("the hub's list of files can't be read") from error
        finally:
            response.close()
        for file in listing.data.files:
            if file.path == wanted.file:
                digest = file.sha256.lower()
                return Listed(
                    bytes=file.size, sha256=digest if len(digest) == _DIGEST_HEX else None, revision=wanted.revision
                )
        raise Refused(f"{wanted.repo} has no file {wanted.file!r}")

    def _address(self, wanted: HubFile) -> str:
        models = "models/" if wanted.layout is Layout.MODELSCOPE else ""
        revision = quote(wanted.revision, safe="")
        return f"{self._url}/{models}{quote(wanted.repo)}/resolve/{revision}/{quote(wanted.file)}"

    def _leads_elsewhere_here(self, response: Response) -> bool:
        to = response.headers.get("location")
        if response.status not in (301, 307, 308) or to is None or response.headers.get("x-linked-etag"):
            return False
        return urlsplit(urljoin(self._url, to)).netloc == urlsplit(self._url).netloc


class _Receiving:
    """A file on its way: grows to the size it must have and no further, and its digest with it."""

    def __init__(self, part: Path, artifact: Artifact) -> None:
        self._part = part
        self._artifact = artifact

    def __enter__(self) -> "_Receiving":
        self._file = self._part.open("ab", buffering=0)
        self._start()
        if self.missing < 0:
            self._restart()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def missing(self) -> int:
        return self._artifact.bytes - self.size

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def begin(self, response: Response) -> None:
        """Check what the answer is a part of, and go back to the beginning where it is the whole."""
        total = _total(response)
        if total is not None and total != self._artifact.bytes:
            raise WrongFile(f"the hub's {self._artifact.file} has {total} bytes, not {self._artifact.bytes}")
        if self.size and _begins_at(response) != self.size:
            if response.status == 206:
                raise Refused("the hub sends another range than it was asked for")
            self._restart()

    def take(self, piece: bytes) -> None:
        write_all(self._file, piece)
        self._hash.update(piece)
        self.size += len(piece)

    def _start(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0
        for chunk in chunks(self._part):
            self._hash.update(chunk)
            self.size += len(chunk)

    def _restart(self) -> None:
        self._file.truncate(0)
        self._start()


def _broken_off(wanted: HubFile, error: Exception) -> Unreachable:
    reason = error.message if isinstance(error, Unreachable) else str(error) or type(error).__name__
    return Unreachable(f"{wanted.file} does not come: {reason}")


def _begins_at(response: Response) -> int:
    """Where the body begins: `content-range: bytes 100-199/200`, and without one at the beginning."""
    if response.status != 206:
        return 0
    first = (response.headers.get("content-range") or "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else -1


def _total(response: Response) -> int | None:
    """How large the whole file is, as far as the answer says."""
    if response.status == 206:
        said = (response.headers.get("content-range") or "").rpartition("/")[2]
    else:
        said = response.headers.get("content-length") or ""
    return int(said) if said.isdecimal() else None

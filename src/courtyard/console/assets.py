"""The files of the pages: scripts, styles, icons; read once, and kept by browsers for as long as they are the same."""

import hashlib
import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from courtyard.console.session import PUBLIC, Visit

_KEPT = "public, max-age=31536000, immutable"
_ASKED_EACH_TIME = "no-cache"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".md": "text/markdown"}


class Asset(NamedTuple):
    """A file, ready to be sent."""

    content: bytes
    media_type: str


class Assets:
    """Every file under `static/`, by its path there.

    The digest of all of them stands in each address, so that a new version has new addresses, and a module's relative
    imports follow it.
    """

    def __init__(self) -> None:
        self._files = dict(_walk(files("courtyard.console") / "static", ""))
        digest = hashlib.sha256()
        for path in sorted(self._files):
            digest.update(path.encode() + b"\x00" + self._files[path].content)
        self.version = digest.hexdigest()[:16]

    def url(self, path: str) -> str:
        """Return the address of a file; a path that is not there is a bug."""
        assert path in self._files, f"there is no static/{path}"
        return f"/static/{self.version}/{path}"

    def find(self, path: str) -> Asset | None:
        return self._files.get(path)


@get("/static/{version:str}/{path:path}", opt=PUBLIC)
async def static_file(request: Visit, version: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Send a file; one that is asked for under an older version is sent as it is now."""
    assets: Assets = request.app.state["assets"]
    found = assets.find(str(path).lstrip("/"))
    if found is None:
        raise NotFoundException
    kept = _KEPT if version == assets.version else _ASKED_EACH_TIME
    return Response(found.content, media_type=found.media_type, headers={"cache-control": kept})


@get("/favicon.ico", opt=PUBLIC)
async def favicon(request: Visit) -> Response[bytes]:
    """Send the icon to browsers that ask without having read a page."""
    assets: Assets = request.app.state["assets"]
    found = assets.find("icon.svg")
    assert found is not None, "the icon is in the package"
    return Response(found.content, media_type=found.media_type, headers={"cache-control": _ASKED_EACH_TIME})


def _walk(directory: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found = []
    for entry in directory.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _walk(entry, f"{path}/")
        else:
            found.append((path, Asset(entry.read_bytes(), _media_type(entry.name))))
    return found


def _media_type(name: str) -> str:
    suffix = name[name.rfind(".") :]
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"

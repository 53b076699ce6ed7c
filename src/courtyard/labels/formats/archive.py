"""ZIP archives that nobody trusts: parts read within limits, and written again with some of them changed."""

import zipfile
from collections.abc import Mapping
from io import BytesIO

from courtyard.labels.formats.reading import Unreadable

_PARTS_MAX = 20_000
_PART_BYTES_MAX = 64 * 1024 * 1024
_ALL_BYTES_MAX = 512 * 1024 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """The parts of an archive, by name.

    Raises:
        Unreadable: it is damaged or encrypted, has a part twice, or unpacks to more than it may.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
            self.parts = {info.filename: info for info in self._zip.infolist()}
        except Exception as error:  # A hostile directory makes zipfile raise what it likes.
            raise Unreadable("the archive is damaged") from error
        infos = self._zip.infolist()
        if len(infos) > _PARTS_MAX or sum(info.file_size for info in infos) > _ALL_BYTES_MAX:
            raise Unreadable("the archive unpacks to too much")
        if len({info.filename.lower() for info in infos}) != len(infos):
            raise Unreadable("the archive has a part twice")
        if any(info.flag_bits & 1 or info.compress_type not in _METHODS for info in infos):
            raise Unreadable("the archive is encrypted or compressed in an unusual way")

    def __contains__(self, name: str) -> bool:
        return name in self.parts

    def read(self, name: str) -> bytes:
        """Unpack a part, as far as a part may be.

        Raises:
            Unreadable: there is no such part, it is damaged, or larger than it says.
        """
        info = self.parts.get(name)
        if info is None:
            raise Unreadable(f"part {name!r:.100} is missing")
        try:
            with self._zip.open(info) as part:
                data = part.read(_PART_BYTES_MAX + 1)
        except Exception as error:  # A hostile part makes zipfile raise what it likes.
            raise Unreadable(f"part {name!r:.100} is damaged") from error
        if len(data) > _PART_BYTES_MAX:
            raise Unreadable(f"part {name!r:.100} is too large")
        return data

    def written(self, changed: Mapping[str, bytes]) -> bytes:
        """Write the archive with these parts in place of its own, or after them; all others stay as they are."""
        file = BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
            for name, info in self.parts.items():
                out.writestr(info, changed[name] if name in changed else self.read(name), info.compress_type)
            for name, part in changed.items():
                if name not in self.parts:
                    out.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
        return file.getvalue()

"""Other people's files that ship with the console are what their notes say they are."""

import hashlib
import re
from pathlib import Path

import pytest

VENDOR = Path(__file__).parents[2] / "src" / "courtyard" / "console" / "static" / "vendor"


@pytest.mark.parametrize("directory", sorted(VENDOR.iterdir()), ids=lambda path: path.name)
def test_vendored_files_are_as_published(directory: Path):
    """Each file is listed with the SHA-256 that it has, beside its name, version, source and licence."""
    note = (directory / "VENDORED.md").read_text()
    listed = dict(re.findall(r"^\| `([^`]+)` \| `[^`]+` \| `([0-9a-f]{64})` \|$", note, re.MULTILINE))
    there = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.iterdir()
        if path.name != "VENDORED.md"
    }

    assert listed == there
    assert "LICENSE" in there
    for fact in ("Name", "Version", "Source", "Licence"):
        assert re.search(rf"^\| {fact} \| \S", note, re.MULTILINE)

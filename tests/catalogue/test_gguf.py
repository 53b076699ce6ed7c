from pathlib import Path

import pytest

from courtyard.catalogue import WrongFile
from courtyard.catalogue.gguf import read_gguf
from tests.catalogue.making import gguf, noise


def _file(directory: Path, content: bytes) -> Path:
    path = directory / "x.gguf"
    path.write_bytes(content)
    return path


def test_a_file_tells_what_serving_it_takes(tmp_path: Path) -> None:
    """Context, licence, chat template, and the memory of a token: layers × heads × (key + value) × 2 bytes."""
    facts = read_gguf(_file(tmp_path, gguf(context=4096)))

    assert facts.context_tokens == 4096
    assert facts.licence == "mit"
    assert facts.is_chat
    assert facts.memory_bytes_per_token == 4 * 2 * (8 + 8) * 2


def test_a_base_model_is_told_apart(tmp_path: Path) -> None:
    """Without a template it goes on with a text and answers nobody."""
    assert not read_gguf(_file(tmp_path, gguf(template=False))).is_chat


@pytest.mark.parametrize(
    "content",
    [b"", b"GGUF", noise(4000), gguf()[:200], b"GGUF\x03\x00\x00\x00" + b"\xff" * 16, gguf()[:24] + b"\xff" * 500],
    ids=["empty", "head", "noise", "cut", "endless", "broken"],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """Garbage ends in one clear refusal, quickly, whatever numbers stand in it."""
    with pytest.raises(WrongFile, match="is no GGUF file"):
        read_gguf(_file(tmp_path, content))

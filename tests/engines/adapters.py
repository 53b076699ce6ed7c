"""Writes a LoRA adapter that changes what a model says, without any library."""

import struct
from pathlib import Path

_TEXT, _FLOAT = 8, 6
_ALIGNMENT = 32


def write_adapter(path: Path, *, tensor: str, rows: int, columns: int, size: float) -> Path:
    """Write a GGUF file that adds a matrix of rank one, `size` everywhere, to one of the model's."""
    facts = [
        _fact("general.architecture", _TEXT, _text("llama")),
        _fact("general.type", _TEXT, _text("adapter")),
        _fact("adapter.type", _TEXT, _text("lora")),
        _fact("adapter.lora.alpha", _FLOAT, struct.pack("<f", 1.0)),
    ]
    a, b = [1.0] * columns, [size] * rows
    infos, data = b"", b""
    for name, shape, values in ((f"{tensor}.lora_a", (columns, 1), a), (f"{tensor}.lora_b", (1, rows), b)):
        infos += _text(name) + struct.pack("<IQQIQ", 2, *shape, 0, len(data))
        data += _padded(struct.pack(f"<{len(values)}f", *values))
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, len(facts)) + b"".join(facts) + infos
    path.write_bytes(_padded(head) + data)
    return path


def _fact(name: str, kind: int, value: bytes) -> bytes:
    return _text(name) + struct.pack("<I", kind) + value


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)

"""An audible label: the rhythm short, long, short, short (GB 45438-2025, 5), which is AI in Morse code."""

import array
import math
import struct
import sys

from courtyard.labels.formats import riff
from courtyard.labels.formats.reading import Unwritable

_SHORT_MS = 120
_RHYTHM = ((1, 1), (3, 3), (1, 1), (1, 3))
"""How long each sound and the silence after it are, in shorts: the gap between the letters A and I is longer."""
_TONE_HZ = 660
_LOUDNESS = 0.35
_FADE_MS = 8
_PCM, _EXTENSIBLE = 1, 0xFFFE
_PLACED = (b"cue ", b"smpl", b"labl")
"""Chunks that count samples from the beginning."""


def sounded(data: bytes, _notice: str, _title: str) -> bytes:
    """Begin a WAV with the rhythm; where others count its samples, end it so.

    Raises:
        Unwritable: its sound is not plain PCM.
    """
    chunks = riff.chunks_of_wav(data)
    found = dict(reversed(chunks))
    if b"fmt " not in found or b"data" not in found or len(found[b"fmt "]) < 16:
        raise Unwritable("its sound is missing; use --no-visible to write metadata only")
    how, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", found[b"fmt "])
    if how == _EXTENSIBLE and len(found[b"fmt "]) >= 26:
        (how,) = struct.unpack_from("<H", found[b"fmt "], 24)
    if how != _PCM or bits not in (8, 16, 24, 32) or not 0 < channels <= 64 or not 1000 <= rate <= 768_000:
        raise Unwritable("its sound is not plain PCM; use --no-visible to write metadata only")
    rhythm = _rhythm(rate, channels, bits)
    at_end = any(kind in _PLACED for kind, _ in chunks)
    written = []
    for kind, body in chunks:
        sound = body + rhythm if at_end else rhythm + body
        written.append((kind, sound if kind == b"data" and body is found[b"data"] else body))
    return riff.wav_of(written)


def _rhythm(rate: int, channels: int, bits: int) -> bytes:
    """Write the rhythm in samples of this width."""
    samples: list[float] = []
    for sound, silence in _RHYTHM:
        count = rate * _SHORT_MS * sound // 1000
        samples += [_wave(at, count, rate) for at in range(count)]
        samples += [0.0] * (rate * _SHORT_MS * silence // 1000)
    top = (1 << (bits - 1)) - 1
    wide = array.array("i", [round(sample * top) for sample in samples])
    if sys.byteorder == "big":
        wide.byteswap()
    raw, width = wide.tobytes(), bits // 8
    if bits == 8:
        return b"".join(bytes((round(sample * top) + 128,)) * channels for sample in samples)
    return b"".join(raw[at : at + width] * channels for at in range(0, len(raw), 4))


def _wave(at: int, count: int, rate: int) -> float:
    fade = max(1, rate * _FADE_MS // 1000)
    swell = min(1.0, at / fade, (count - at) / fade)
    return _LOUDNESS * swell * math.sin(2 * math.pi * _TONE_HZ * at / rate)

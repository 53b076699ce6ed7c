"""Files of every format, made in code."""

import io
import wave
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import docx
import openpyxl
import pptx
import pypdf
from PIL import Image
from typst import compile as typeset


@cache
def files() -> dict[str, bytes]:
    """A file of each format, by a name that tells which."""
    return {
        **{f"a.{name}": picture(name) for name in ("png", "jpeg", "webp")},
        "a.pdf": pdf(),
        "a.wav": wav(),
        "a.mp3": mp3(),
        "a.mp4": mp4(),
        "a.docx": document(),
        "a.xlsx": workbook(),
        "a.pptx": slides(),
        "a.md": b"---\ntitle: Fables\ntags: [fox, stork]\n---\n\n# The fox\n\nA fox asked a stork to dinner.\n",
        "a.txt": b"A fox asked a stork to dinner, and served soup in a flat dish.\n",
    }


def picture(format: str, size: tuple[int, int] = (320, 200), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 120).save(file, format.upper())
    return file.getvalue()


def pdf() -> bytes:
    return typeset(b"#set page(width: 300pt, height: 200pt)\nA fox asked a stork to dinner.", format="pdf")


def wav(rate: int = 8000, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(bytes(rate * width // 10))
    return file.getvalue()


def mp3() -> bytes:
    """A tenth of a second of silence: bare frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz."""
    frame = b"\xff\xfb\x90\x64" + bytes(413)
    return frame * 8


@cache
def mp4(*, faststart: bool = True) -> bytes:
    """A film of two frames; with `faststart`, `moov` stands before what it points to."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "a.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"} if faststart else {}) as out:
            stream = out.add_stream("mpeg4", rate=2)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            frame = av.VideoFrame.from_image(Image.new("RGB", (32, 32), (200, 90, 30)))
            for packet in [*stream.encode(frame), *stream.encode(frame), *stream.encode()]:
                out.mux(packet)
        return path.read_bytes()


def document() -> bytes:
    made, file = docx.Document(), io.BytesIO()
    made.add_paragraph("A fox asked a stork to dinner.")
    made.save(file)
    return file.getvalue()


def workbook() -> bytes:
    made, file = openpyxl.Workbook(), io.BytesIO()
    made.active["A1"] = "Fox"
    made.active["A2"] = "=COUNTA(A1:A1)"
    made.save(file)
    return file.getvalue()


def slides() -> bytes:
    made, file = pptx.Presentation(), io.BytesIO()
    for title in ("Fox", "Stork"):
        made.slides.add_slide(made.slide_layouts[5]).shapes.title.text = title
    made.save(file)
    return file.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name, part in parts.items():
            out.writestr(name, part)
    return file.getvalue()


def pages(count: int) -> bytes:
    writer, file = pypdf.PdfWriter(), io.BytesIO()
    for _ in range(count):
        writer.add_blank_page(300, 200)
    writer.write(file)
    return file.getvalue()

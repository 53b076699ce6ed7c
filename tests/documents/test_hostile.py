"""Files that are made to hurt: each is refused in words that help, and the next one is read as if nothing had been."""

import io
import socket
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from courtyard.documents import Documents, DocumentsSettings, Unreadable
from tests.documents import making

_LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'

_EVIL = """
import os, socket, subprocess, signal
from courtyard.documents import Block, BlockKind, Draft

class Evil:
    name = "evil"
    media_types = frozenset({"application/x-evil"})
    suffixes = {".evil": "application/x-evil"}

    def read(self, content, desk):
        done = []
        for act in (self.connect, self.run, self.write, self.append, self.unlink, self.kill):
            try:
                act(content.decode().strip())
                done.append(act.__name__)
            except (OSError, PermissionError):
                continue
        if content == b"abort": os.abort()
        if content == b"memory": bytearray(8 << 30)
        if content == b"recurse": self.read_again(0)
        if content == b"spin":
            while True: pass
        return Draft(blocks=[Block(kind=BlockKind.TEXT, text=f"did {done}")])

    def connect(self, path): socket.socket(socket.AF_UNIX).connect(path)
    def run(self, path): subprocess.run(["true"], check=True)
    def write(self, path): open(path + ".made", "w").write("x")
    def append(self, path): open(path, "a").write("x")
    def unlink(self, path): os.unlink(path)
    def kill(self, path): os.kill(os.getppid(), signal.SIGUSR1)
    def read_again(self, depth): return self.read_again(depth + 1)
"""


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """Documents whose process has a reader that does what a hostile file might make a library do."""
    folder = tmp_path_factory.mktemp("evil")
    (folder / "evil.py").write_text(_EVIL)
    (folder / "evil-1.dist-info").mkdir()
    (folder / "evil-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    points = "[courtyard.readers]\nevil = evil:Evil\n"
    (folder / "evil-1.dist-info" / "entry_points.txt").write_text(points)
    documents = Documents(DocumentsSettings(timeout_s=1.5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield documents
    documents.close()


def _word(part: bytes, name: str = "word/document.xml") -> bytes:
    """Put one part of a Word file in another's place."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(making.word())) as whole,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in whole.infolist():
            new.writestr(info.filename, part if info.filename == name else whole.read(info))
    return written.getvalue()


def _png(width: int, height: int) -> bytes:
    """Write a picture that is small as long as nobody looks at it."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    rows = zlib.compress(bytes(1000))
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks
    )


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.pdf", b"", "empty"),
        ("cut.pdf", making.pdf("Hello")[:300], "damaged, or no PDF"),
        ("entities.docx", _word(f"<?xml version='1.0'?>{_LAUGHS}<a>&b;</a>".encode()), "declares a document type"),
        ("wide.docx", _word(f"<?xml version='1.0'?>{_LAUGHS}<a>&b;</a>".encode("utf-16")), "declares a document type"),
        ("deep.docx", _word(b"<a>" * 100_000 + b"</a>" * 100_000), "damaged"),
        ("cut.xlsx", making.excel()[:2000], "damaged"),
        ("large.png", _png(60_000, 60_000), "60000 by 60000 pixels"),
        ("cut.png", _png(100, 100), "damaged"),
        ("secret.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_in_words_that_help(
    documents: Documents, name: str, content: bytes, why: str
) -> None:
    """Cut, encrypted, nested or huge: it is said which, by a process that goes on to read the next."""
    before = documents.pids
    with pytest.raises(Unreadable, match=why):
        documents.read(name, content)

    assert documents.read("a.txt", b"next").blocks[0].text == "next"
    assert documents.pids == before or not before


def test_what_is_nested_deeply_takes_no_stack(documents: Documents) -> None:
    """HTML, Markdown and e-mail thousands deep are read as far as a person would, by a process that lives on."""
    html = "<div>" * 5_000 + "bottom" + "</div>" * 5_000
    text = "\n".join(block.text for block in documents.read("deep.html", html.encode()).blocks)
    quoted = documents.read("deep.md", ("top\n\n" + ">" * 2_000 + " bottom").encode())
    parts = 'Content-Type: multipart/mixed; boundary="x"\n\n--x\n' * 300
    mail = documents.read("deep.eml", f"From: a@example.org\n{parts}".encode())

    assert text == "bottom"
    assert quoted.blocks
    assert mail.title


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked() -> None:
    """A few thousand bytes would be gigabytes."""
    with_limit = Documents(DocumentsSettings(unpacked_max=1_000_000, bytes_max=100_000))
    try:
        with pytest.raises(Unreadable, match=r"unpacked it takes 3,\d{3},\d{3} bytes"):
            with_limit.read("bomb.docx", _word(b" " * 3_000_000))
        with pytest.raises(Unreadable, match="may have 100,000"):
            with_limit.read("large.txt", b"a" * 100_001)
    finally:
        with_limit.close()


def test_pages_and_text_beyond_the_limits_are_left_out_and_told() -> None:
    """What was read before is kept."""
    few = Documents(DocumentsSettings(pages_max=2, text_max=40))
    try:
        reading = few.read("a.pdf", making.pdf("A #pagebreak() B #pagebreak() C"))
        cut = few.read("a.txt", b"the first paragraph\n\nthe second one\n\nand a third that is too much")
    finally:
        few.close()

    assert [block.text for block in reading.blocks] == ["A", "B"]
    assert reading.pages == 3
    assert reading.warnings[0].startswith("only the first 2 pages were read")
    assert [block.text for block in cut.blocks] == ["the first paragraph", "the second one"]
    assert cut.warnings[0].startswith("only the first 40 characters were read")


def test_the_process_has_no_network_no_programs_and_no_files_to_write(evil: Documents, tmp_path: Path) -> None:
    """What a hostile file makes of a library reaches nothing: the kernel refuses it."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        reading = evil.read("a.evil", str(tmp_path / "s").encode())

    assert reading.blocks[0].text == "did []"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (b"memory", "more memory than a document may have"),
        (b"recurse", "nested too deeply"),
        (b"abort", "what reads it broke on it: it was ended by"),
        (b"spin", "takes longer than 2 s"),
    ],
)
def test_a_reader_that_breaks_costs_its_document_and_no_other(evil: Documents, act: bytes, why: str) -> None:
    """Memory, stack, a crash and an endless loop end with words, and a fresh process reads on."""
    with pytest.raises(Unreadable, match=why):
        evil.read("a.evil", act)

    assert evil.read("a.txt", b"next").blocks[0].text == "next"

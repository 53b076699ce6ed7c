"""The process that reads: kept for the next document, and started again when it is lost."""

import os
import signal
import threading

import pytest

from courtyard.core.errors import Unavailable
from courtyard.documents import Documents, DocumentsSettings, Reading


def test_a_process_is_kept_and_a_lost_one_is_no_documents_fault() -> None:
    """Nothing is started before the first document; one that was killed between two is started again unnoticed."""
    documents = Documents()
    assert documents.pids == ()
    try:
        documents.read("a.txt", b"one")
        [pid] = documents.pids
        documents.read("a.txt", b"two")
        assert documents.pids == (pid,)
        os.kill(pid, signal.SIGKILL)
        assert documents.read("a.txt", b"three").blocks[0].text == "three"
        assert documents.pids != (pid,)
    finally:
        documents.close()
    with pytest.raises(Unavailable):
        documents.read("a.txt", b"four")


def test_threads_share_the_processes() -> None:
    """Each gets its own document's reading, and no more processes run than are allowed."""
    documents = Documents(DocumentsSettings(processes=2))
    read: dict[int, Reading] = {}
    threads = [
        threading.Thread(target=lambda number=number: read.update({number: documents.read("a.txt", b"%d" % number)}))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running = documents.pids
    documents.close()

    assert {number: reading.blocks[0].text for number, reading in read.items()} == {n: str(n) for n in range(12)}
    assert 1 <= len(running) <= 2

"""Detectors of somebody else's, installed for one test."""

from pathlib import Path

import pytest

_MODULE = '''
import os, signal, time


class Marking:
    """Finds the word MARKED, and does what the text says."""

    name = "marking"
    kinds = frozenset(("marked",))

    def __init__(self):
        print("libraries print when they load")

    def find(self, text):
        from courtyard.privacy import Finding

        if "FAIL" in text:
            raise ValueError(text)
        if "DIE" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "SLEEP" in text:
            time.sleep(60)
        starts = [at for at in range(len(text)) if text.startswith("MARKED", at)]
        return [
            Finding(kind="marked", start=at, end=at + 6, score=0.9, sensitive=True, source=self.name) for at in starts
        ]


class Missing(Marking):
    """Its model is not there."""

    name = "missing"

    def __init__(self):
        raise FileNotFoundError("no model here")
'''


def install(directory: Path, patch: pytest.MonkeyPatch) -> None:
    """Install them, for this process and those that it starts."""
    (directory / "somebodys_detectors.py").write_text(_MODULE)
    info = directory / "somebodys_detectors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys-detectors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[courtyard.detectors]\nmarking = somebodys_detectors:Marking\nmissing = somebodys_detectors:Missing\n"
    )
    patch.syspath_prepend(directory)
    patch.setenv("PYTHONPATH", str(directory))

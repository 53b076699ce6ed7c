"""A package with an engine of its own, installed as any other is."""

from pathlib import Path

import pytest

_MODULE = '''
"""An engine that shouts."""

import json

from courtyard.core.chat import Delta, Finish, Kind
from courtyard.core.usage import Usage
from courtyard.engines import Health


class ShoutingEngine:
    """Says the last message again, louder."""

    def __init__(self, settings):
        self.name = settings.name
        self.region = settings.region
        if not set(settings.options) <= {"marks"}:
            raise ValueError(f"engine {settings.name!r}: it takes marks alone")
        self.marks = settings.options.get("marks", 1)

    async def start(self):
        pass

    async def generate(self, model, prompt):
        words = json.loads(bytes(prompt.content))[-1]["content"].upper() + "!" * self.marks
        yield Delta(text=words, tokens=1)
        yield Delta(finish=Finish.STOP, usage=Usage(input=1, output=1))

    async def health(self):
        return Health(ready=True)

    async def close(self):
        pass
'''


def install(directory: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the package where Python looks."""
    info = directory / "shouting-1.0.dist-info"
    info.mkdir(parents=True)
    (directory / "shouting_plugin.py").write_text(_MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[courtyard.engines]\nshouting = shouting_plugin:ShoutingEngine\n")
    patch.syspath_prepend(directory)

"""Sets one sheet by Typst, as a program of its own: it reads what to set from standard input, and writes the PDF.

Typst keeps what it laid out for the next page, hundreds of megabytes of it. Here that ends with the process, and a page
that could not be set takes nothing else with it. It is run by its file, so that it loads no more than it needs.
"""

import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

_MEMORY_MAX = 8 << 30
_ARCHIVAL: Literal["a-3b"] = "a-3b"
"""PDF/A-3b: fonts inside, a code for every letter, and files may be attached."""


def typeset(template: Path, inputs: dict[str, str], folders: Sequence[str], *, ppi: int | None = None) -> list[bytes]:
    """Set the inputs as a PDF, or as a picture a page: from them, the template and the fonts, and no other file."""
    import typst  # noqa: PLC0415 - A process that sets no page is seven megabytes smaller without.

    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders))
    options: dict[str, Any] = {
        "root": template.parent,
        "font_paths": fonts,
        "sys_inputs": {**inputs, "families": json.dumps(fonts.families())},
    }
    if ppi is None:
        made = typst.compile(template, format="pdf", pdf_standards=[_ARCHIVAL], **options)
    else:
        made = typst.compile(template, format="png", ppi=ppi, **options)
    return [made] if isinstance(made, bytes) else list(made)


def main() -> None:
    """Set one sheet."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MAX, _MEMORY_MAX))
    asked = json.load(sys.stdin.buffer)
    (made,) = typeset(Path(asked["template"]), asked["inputs"], asked["folders"])
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()

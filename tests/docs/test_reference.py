"""The reference says what the code says."""

from tools import reference


def test_the_reference_is_fresh() -> None:
    """Every page of docs/reference is what `make docs` would write now."""
    assert reference.stale() == []


def test_every_command_has_its_place() -> None:
    """Commands and their options are found in the page, those of groups too."""
    page = reference.pages()["commands.md"]

    for title in ("`courtyard serve`", "`courtyard models add NAME`", "`courtyard ledger check`"):
        assert f"## {title}" in page
    assert "| `--plugin` |" in page


def test_every_setting_and_option_is_explained() -> None:
    """No row of a generated table ends in an empty cell."""
    bare = [
        f"{name}: {line}"
        for name, text in reference.pages().items()
        for line in text.splitlines()
        if name.endswith(".md") and line.startswith("| `") and line.endswith("|  |")
    ]

    assert bare == []

"""The nouns of the shelf: packs that were brought in, keys, and which pack was in force when."""

import msgspec


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key whose signature a pack may come with."""

    id: str
    name: str
    public: str
    added_by: str
    added_at_ms: int


class Shelved(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was brought in."""

    digest: str
    name: str
    version: str
    signed_by: tuple[str, ...]
    brought_by: str
    brought_at_ms: int

    @property
    def title(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was put in force, by whom, and why."""

    number: int = 0
    digest: str | None
    """Which pack; nothing where none is in force since."""
    back_to: int | None
    """The activation to which a rollback goes back."""
    kind: str
    """`promote` or `rollback`."""
    approval: str = ""
    """The approval of a second person that was used up."""
    done_by: str
    reason: str = ""
    at_ms: int

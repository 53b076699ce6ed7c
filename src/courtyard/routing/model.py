"""What there is to choose from, and what was chosen."""

import msgspec

from courtyard.core.ids import HOME, EngineName, ProviderId, Region


class EngineCard(msgspec.Struct, frozen=True, kw_only=True):
    """What routing knows of an engine: where it stands, and whether it may be tried now."""

    name: EngineName
    region: Region
    available: bool
    provider: ProviderId = HOME


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """An engine that an admitted request may run on, and the model's name there. Only `routing` makes one."""

    engine: EngineName
    model: str
    region: Region
    provider: ProviderId = HOME
    mask: str = ""
    """How the prompt is masked before this engine sees it; nothing where it sees the plain one."""

"""Knows which models there are, where their files come from, and which engines run them."""

from courtyard.catalogue.addresses import cautions
from courtyard.catalogue.embedded import bring_to
from courtyard.catalogue.model import (
    Alias,
    Artifact,
    CatalogueSettings,
    EngineEntry,
    EngineState,
    HubFile,
    Layout,
    Model,
    ModelUnavailable,
    NotEnoughMemory,
    NotEnoughSpace,
    OnShelf,
    Progress,
    ShelfModel,
    WheelParts,
    WrongFile,
)
from courtyard.catalogue.service import Catalogue
from courtyard.catalogue.shelf import DEFAULT, SHELF

__all__ = [
    "DEFAULT",
    "SHELF",
    "Alias",
    "Artifact",
    "Catalogue",
    "CatalogueSettings",
    "EngineEntry",
    "EngineState",
    "HubFile",
    "Layout",
    "Model",
    "ModelUnavailable",
    "NotEnoughMemory",
    "NotEnoughSpace",
    "OnShelf",
    "Progress",
    "ShelfModel",
    "WheelParts",
    "WrongFile",
    "bring_to",
    "cautions",
]

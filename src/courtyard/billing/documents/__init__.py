"""Writes a document of the books in the forms that people and programs read: paper, e-invoice, tables, events."""

from courtyard.billing.documents.formats import (
    FORMATS,
    Exported,
    Format,
    exported,
    exported_costs,
    exported_use,
)

__all__ = ["FORMATS", "Exported", "Format", "exported", "exported_costs", "exported_use"]

"""The formats that carry a label: where it stands in each, read and written byte by byte."""

from courtyard.labels.formats.format import FORMATS, Format, format_of
from courtyard.labels.formats.reading import BYTES_MAX, Found, Unreadable, Unwritable

__all__ = ["BYTES_MAX", "FORMATS", "Format", "Found", "Unreadable", "Unwritable", "format_of"]

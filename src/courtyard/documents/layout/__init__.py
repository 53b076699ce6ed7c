"""Finds what pieces of lines on a page make: columns, tables, paragraphs and headings, in the order of reading."""

from courtyard.documents.layout.headings import with_headings
from courtyard.documents.layout.page import Page, paragraphs
from courtyard.documents.layout.running import without_running
from courtyard.documents.layout.segments import Rulings, Segment

__all__ = ["Page", "Rulings", "Segment", "paragraphs", "with_headings", "without_running"]

"""Sets sheets as PDF, with letters of every language, the same on every machine."""

from courtyard.typesetting import fonts
from courtyard.typesetting.setting import Inputs, pdf, pdf_here, pictures

__all__ = ["Inputs", "fonts", "pdf", "pdf_here", "pictures"]

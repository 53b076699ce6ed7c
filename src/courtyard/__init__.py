"""Courtyard: run, govern and sell generative AI at home."""

__version__ = "0.1.0"

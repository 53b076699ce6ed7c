"""Readers that ship with us."""

__all__: list[str] = []

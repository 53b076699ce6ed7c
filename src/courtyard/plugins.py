"""Plugins by entry point: ours take the same path as anybody's."""

from importlib.metadata import EntryPoint, entry_points


def load(group: str) -> dict[str, object]:
    """Import every plugin of `courtyard.<group>`, by name.

    Raises:
        RuntimeError: a plugin can't be imported; the message names it and the package it came with.
    """
    return {point.name: _import(point) for point in entry_points(group=f"courtyard.{group}")}


def _import(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        package = point.dist.name if point.dist else "an unknown package"
        raise RuntimeError(
            f"plugin {point.name!r} of {package} can't be imported from {point.value!r}: {error}"
        ) from error

"""The judges that ship with us; they come by entry point, as anybody's do."""

__all__: list[str] = []

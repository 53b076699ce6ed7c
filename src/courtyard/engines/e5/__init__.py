"""multilingual-e5-small: a child process that turns texts into vectors."""

__all__: list[str] = []

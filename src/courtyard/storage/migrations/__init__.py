"""The schema's history, one Alembic revision a change; a landed one stays as it is."""

__all__: list[str] = []

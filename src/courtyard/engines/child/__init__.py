"""Native engines run in processes of their own, so that a crash costs the requests in it and nothing else."""

__all__: list[str] = []

"""llama.cpp: a child process that serves it, and what OpenAI's API means to it."""

__all__: list[str] = []

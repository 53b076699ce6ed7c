"""Speaks the OpenAI and Anthropic wire formats and nothing else."""

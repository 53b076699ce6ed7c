"""all-MiniLM-L6-v2: its vocabulary, the weights that a package of its own brings, and a graph that runs them fast.

By sentence-transformers, under Apache-2.0, as the vocabulary in this folder and the weights in the package are.
"""

"""The wire formats: JSON in, a `Request` out; deltas in, JSON out. Pure functions, one file an endpoint."""

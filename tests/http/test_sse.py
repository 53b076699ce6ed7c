"""Frames are what the specification of event streams says."""

from courtyard.http import DONE, data, event


def test_frames_end_with_an_empty_line():
    """Data stands alone or under its event's name."""
    assert data(b"{}") == b"data: {}\n\n"
    assert event(b"ping", b"{}") == b"event: ping\ndata: {}\n\n"
    assert DONE == b"data: [DONE]\n\n"

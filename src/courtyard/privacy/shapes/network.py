"""Addresses of networks and machines, and accounts of banks."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

SHAPES = (
    Shape(
        kind="email",
        pattern=r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b",
        score=0.95,
        check=checks.email,
        is_loose=True,
    ),
    Shape(
        kind="email",
        pattern=r"[^\x00-\x7f]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b",
        score=0.8,
        is_loose=True,
    ),
    Shape(
        kind="ip",
        pattern=r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
        score=0.8,
        check=checks.ip,
        near=("ip", "host", "地址", "服务器", "server", "addr"),
        unless=("version", "版本", "release", " v", "ver."),
    ),
    Shape(
        kind="ip",
        pattern=r"(?i)\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b"
        r"|(?:\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}\b",
        score=0.8,
        check=checks.ip,
    ),
    Shape(kind="mac", pattern=r"\b[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})\b", score=0.9),
    Shape(kind="mac", pattern=r"\b(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}\b", score=0.0, near=("mac",)),
    Shape(kind="imei", pattern=r"\b\d{2}-?\d{6}-?\d{6}-?\d\b", score=0.0, near=("imei", "设备", "串号")),
    Shape(
        kind="iban",
        pattern=r"(?i)\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b",
        score=0.95,
        check=checks.iban,
    ),
    Shape(kind="account", pattern=r"\b[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b", score=0.0, near=("bic", "swift")),
)

"""India, Japan, Korea and South-East Asia."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

SHAPES = (
    Shape(kind="in_aadhaar", pattern=r"\b[2-9]\d{3}[ -]\d{4}[ -]\d{4}\b", score=0.6, check=checks.aadhaar),
    Shape(
        kind="in_aadhaar", pattern=r"\b[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}\b", score=0.0, near=("aadhaar", "आधार", "uidai")
    ),
    Shape(kind="in_pan", pattern=r"\b[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]\b", score=0.85),
    Shape(kind="jp_my_number", pattern=r"\b\d{4}[ -]\d{4}[ -]\d{4}\b", score=0.6, check=checks.my_number),
    Shape(
        kind="jp_my_number",
        pattern=r"\b\d{4}[ -]?\d{4}[ -]?\d{4}\b",
        score=0.0,
        near=("マイナンバー", "個人番号", "my number", "番号は"),
        check=checks.my_number,
    ),
    Shape(kind="kr_rrn", pattern=r"\b\d{6}-[0-9]\d{6}\b", score=0.85, check=checks.kr_rrn),
    Shape(kind="kr_rrn", pattern=r"\b\d{13}\b", score=0.0, check=checks.kr_rrn, near=("주민", "rrn")),
    Shape(kind="sg_nric", pattern=r"\b[STFGM]\d{7}[A-Z]\b", score=0.8),
    Shape(kind="my_nric", pattern=r"\b\d{6}-\d{2}-\d{4}\b", score=0.7, check=checks.dated(0)),
    Shape(kind="id_nik", pattern=r"\b\d{16}\b", score=0.0, near=("nik", "ktp")),
    Shape(kind="th_id", pattern=r"\b\d-\d{4}-\d{5}-\d{2}-\d\b", score=0.85),
)

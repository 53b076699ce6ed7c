"""Africa south of the Sahara."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

SHAPES = (
    Shape(kind="za_id", pattern=r"\b\d{6} ?\d{4} ?\d{3}\b", score=0.8, check=checks.za_id),
    Shape(kind="ng_nin", pattern=r"\b\d{11}\b", score=0.0, near=("nin", "national identification number")),
    Shape(kind="ng_bvn", pattern=r"\b\d{11}\b", score=0.0, near=("bvn", "bank verification")),
    Shape(kind="ke_id", pattern=r"\b\d{7,8}\b", score=0.0, near=("kenya", "national id", "kitambulisho", "huduma")),
    Shape(kind="ke_pin", pattern=r"\b[AP]\d{9}[A-Z]\b", score=0.8),
    Shape(kind="gh_card", pattern=r"\bGHA-\d{9}-\d\b", score=0.95),
    Shape(kind="tz_nida", pattern=r"\b(?:19|20)\d{6}-\d{5}-\d{5}-\d{2}\b", score=0.95, check=checks.dated(0, 4)),
    Shape(kind="ug_nin", pattern=r"\bC[MF]\d{2}\d{3}[A-Z0-9]{7}\b", score=0.85),
    Shape(kind="rw_id", pattern=r"\b1 ?(?:19|20)\d{2} ?[78] ?\d{7} ?\d ?\d{2}\b", score=0.8),
    Shape(kind="et_fan", pattern=r"\b\d{16}\b", score=0.0, near=("fayda", "fan")),
    Shape(kind="zw_id", pattern=r"\b\d{2}-\d{6,7} ?[A-Z] ?\d{2}\b", score=0.85),
)

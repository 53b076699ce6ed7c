"""States that speak Arabic."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

_ID_WORDS = (
    "الهوية",
    "هوية",
    "الإقامة",
    "إقامة",
    "national id",
    "iqama",
    "الرقم القومي",
    "رقم قومي",
    "بطاقة",
    "civil id",
    "qid",
    "cin",
)

SHAPES = (
    Shape(kind="sa_id", pattern=r"\b[12]\d{9}\b", score=0.0, check=checks.luhn, near=_ID_WORDS),
    Shape(kind="ae_id", pattern=r"\b784-(?:19|20)\d{2}-\d{7}-\d\b", score=0.9),
    Shape(kind="ae_id", pattern=r"\b784(?:19|20)\d{10}\b", score=0.8, check=checks.luhn),
    Shape(kind="eg_id", pattern=r"\b[23]\d{13}\b", score=0.7, check=checks.eg_id, near=_ID_WORDS),
    Shape(kind="kw_id", pattern=r"\b[123]\d{11}\b", score=0.0, check=checks.dated(1), near=_ID_WORDS),
    Shape(kind="qa_id", pattern=r"\b[23]\d{10}\b", score=0.0, near=("qid", "قطر", *_ID_WORDS[:2])),
    Shape(kind="tn_id", pattern=r"\b[01]\d{7}\b", score=0.0, near=("cin", "تونس", "بطاقة التعريف")),
    Shape(kind="ma_id", pattern=r"\b[A-Z]{1,2}\d{5,6}\b", score=0.0, near=("cin", "cnie", "البطاقة الوطنية")),
    Shape(kind="dz_id", pattern=r"\b\d{18}\b", score=0.0, near=("nin", "الجزائر", "التعريف الوطني")),
)

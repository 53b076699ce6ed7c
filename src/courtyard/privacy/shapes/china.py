"""China, Hong Kong, Macao and Taiwan."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_LETTER = "[A-HJ-NP-Z]"
_ID_WORDS = ("身份证", "证件号", "公民身份", "户口", "社保", "社会保障", "医保", "id card", "id number", "id no")
_CARD_WORDS = ("卡", "账号", "帐号", "账户", "card", "account", "visa", "mastercard", "amex")
_USCC = r"(?i)\b[1-9ANY][0-9A-HJ-NPQRTUWXY]\d{6}[0-9A-HJ-NPQRTUWXY]{10}\b"
_USCC_WORDS = ("信用代码", "税号", "纳税人识别号", "组织代码", "机关代码", "credit code")
_IS = r"(?:[ :]|：|是|为|号|码|卡){0,6}"

SHAPES = (
    Shape(
        kind="cn_resident_id",
        pattern=r"(?i)\b[1-8]\d{5}(?:18|19|20)\d{9}[\dX]\b"
        r"|\b[1-8]\d{5}[ -](?:18|19|20)\d{2}[ -]?\d{4}[ -]?\d{3}[\dX]\b",
        score=0.9,
        check=checks.cn_resident_id,
        near=_ID_WORDS,
    ),
    Shape(
        kind="cn_resident_id",
        pattern=r"\b[1-8]\d{14}\b",
        score=0.0,
        check=checks.cn_resident_id,
        near=_ID_WORDS,
    ),
    Shape(
        kind="cn_uscc",
        pattern=_USCC,
        score=0.85,
        check=lambda text: not text.isdigit() and checks.cn_uscc(text),
        near=_USCC_WORDS,
    ),
    Shape(kind="cn_uscc", pattern=_USCC, score=0.0, check=checks.cn_uscc, near=_USCC_WORDS),
    Shape(
        kind="bank_card",
        pattern=r"\b\d{13,19}\b",
        score=0.8,
        check=checks.bank_card,
        near=_CARD_WORDS,
    ),
    Shape(
        kind="bank_card",
        pattern=r"\b\d{4}(?:[ -]\d{4}){2}[ -]\d{1,4}(?:[ -]\d{1,4})?\b",
        score=0.8,
        check=checks.bank_card,
        near=_CARD_WORDS,
    ),
    Shape(  # With the word beside it a misread digit does not hide a card.
        kind="bank_card",
        pattern=r"\b62\d{2}(?:[ -]?\d{4}){3}(?:[ -]?\d{1,3})?\b",
        score=0.0,
        near=_CARD_WORDS,
    ),
    Shape(
        kind="bank_card",
        pattern=r"\b3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b",
        score=0.8,
        check=checks.bank_card,
    ),
    Shape(
        kind="plate",
        pattern=rf"(?i)(?:{'|'.join(_PROVINCES)}){_LETTER}(?:·|•|[ -])?"
        r"(?:[A-HJ-NP-Z0-9]{4}(?:[A-HJ-NP-Z0-9]|挂|学|警|港|澳|领)"
        r"|[A-HJK]\d{5}|[A-HJK][A-HJ-NP-Z]\d{4}|\d{5}[A-HJK])",
        score=0.9,
        check=lambda text: any(char.isdigit() for char in text),
    ),
    Shape(
        kind="passport",
        pattern=r"(?i)\b(?:[DEGHPS]\d{8}|E[A-HJ-NP-Z]\d{7}|[A-Z]\d{8}|[A-Z]{2}\d{7}|\d{9})\b",
        score=0.0,
        near=("护照", "passport", "旅券", "여권", "паспорт", "جواز"),
    ),
    Shape(
        kind="permit",
        pattern=r"(?i)\b(?:[HMC]\d{8}(?:\d{2})?|C[A-HJ-NP-Z]\d{7}|[WTL]\d{8}|\d{8}|8[123]0000(?:19|20)\d{10})\b",
        score=0.0,
        near=("通行证", "回乡证", "台胞证", "居住证"),
    ),
    Shape(kind="hk_id", pattern=r"\b[A-Z]{1,2}\d{6}\([0-9A]\)", score=0.9, check=checks.hk_id, is_loose=True),
    Shape(kind="hk_id", pattern=r"\b[A-Z]{1,2}\d{6}[0-9A]\b", score=0.0, check=checks.hk_id, near=("hkid", "香港身份")),
    Shape(
        kind="mo_id", pattern=r"\b[157]\d{6}\(\d\)", score=0.0, near=("澳门", "macao", "macau", "bir"), is_loose=True
    ),
    Shape(kind="tw_id", pattern=r"\b[A-Z][1289]\d{8}\b", score=0.8, check=checks.tw_id),
    Shape(kind="cn_social_security", pattern=r"\b[A-Z]\d{8}\b", score=0.0, near=("社保", "社会保障")),
    Shape(
        kind="cn_military_id",
        pattern=r"(?:军|武|士|文|兵)字(?:第)?(?:[ :]|：)?\d{8}\b",
        score=0.9,
        inner=r"(\d{8})$",
        is_loose=True,
    ),
    Shape(
        kind="cn_military_id",
        pattern=rf"(?:士兵证|义务兵证|军官证|文职干部证|警官证){_IS}\d{{8}}\b",
        score=0.9,
        inner=r"(\d{8})$",
        is_loose=True,
    ),
    Shape(
        kind="account",
        pattern=rf"(?i)QQ(?:群)?{_IS}\d{{5,11}}\b",
        score=0.9,
        inner=r"(\d+)$",
        is_loose=True,
    ),
    Shape(
        kind="account",
        pattern=rf"(?i)(?:微信|wechat|weixin|\bwx\b|\bvx\b|薇信){_IS}[a-z][a-z0-9_-]{{5,19}}\b",
        score=0.9,
        inner=r"(?i)^(?:微信|wechat|weixin|wx|vx|薇信)[ :：是为号码卡]*([a-z][a-z0-9_-]+)$",
        is_loose=True,
    ),
    Shape(kind="account", pattern=r"\bwxid_[a-z0-9]{6,20}\b", score=0.95),
    Shape(
        kind="account",
        pattern=r"\b\d{10,20}\b",
        score=0.0,
        near=("公积金", "医保卡", "医保号", "社保卡", "病历号", "住院号", "支付宝"),
    ),
    Shape(kind="postcode", pattern=r"\b[0-8]\d{5}\b", score=0.0, near=("邮编", "邮政编码", "郵便番号")),
)

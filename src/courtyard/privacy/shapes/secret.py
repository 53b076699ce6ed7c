"""Secrets and keys: what opens something."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|auth[_-]?token|access[_-]?token|refresh[_-]?token|client[_-]?secret|aws_secret_access_key|token"
    r"|密码|口令|密钥|пароль|كلمة المرور"
)
_PARAMETERS = (
    r"token|access_token|auth_token|id_token|api_?key|key|secret|sig|signature|password|passwd|session|auth|code|jwt"
)


def _secret(pattern: str, *, score: float = 0.95, check: checks.Check | None = None, inner: str = "") -> Shape:
    return Shape(kind="secret", pattern=pattern, score=score, check=check, inner=inner, is_loose=True)


SHAPES = (
    _secret(r"\bck_[A-Za-z0-9_-]{16,}"),
    _secret(r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    _secret(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b"),
    _secret(r"\bgithub_pat_[A-Za-z0-9_]{22,}\b"),
    _secret(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    _secret(r"\bsk-[A-Za-z0-9_-]{20,}"),
    _secret(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _secret(r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}"),
    _secret(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}\b"),
    _secret(r"\bwhsec_[A-Za-z0-9+/]{16,}"),
    _secret(r"\bAIza[0-9A-Za-z_-]{35}"),
    _secret(r"\bya29\.[0-9A-Za-z_-]{20,}"),
    _secret(r"\bhf_[A-Za-z0-9]{30,}\b"),
    _secret(r"\bnpm_[A-Za-z0-9]{36}\b"),
    _secret(r"\bpypi-[A-Za-z0-9_-]{40,}"),
    _secret(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    _secret(r"\bLTAI[A-Za-z0-9]{12,20}\b"),
    _secret(r"\bAKID[A-Za-z0-9]{32}\b"),
    _secret(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    _secret(r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}"),
    _secret(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{5,}", check=checks.jwt),
    _secret(
        r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*"
        r"-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
    ),
    _secret(r"(?i)\b(?:bearer|basic) [A-Za-z0-9._~+/-]{16,}={0,2}", inner=r" (\S+)$"),
    _secret(
        rf"(?i)(?:{_NAMES})[\"']?\s{{0,3}}(?:[:=]|：|是|为|\bis\b)\s{{0,3}}[\"']?[^\s\"',;<>{{}}()\[\]]{{6,}}",
        score=0.85,
        check=lambda text: not text.startswith(("$", "*", "%")),
        inner=r"(?:[:=：是为]|is)\s*[\"']?([^\s\"',;，。；]{6,})$",
    ),
    _secret(r"(?i)\b[a-z][a-z0-9+.-]{1,15}://[^\s/:@\"'<>]{1,64}:[^\s/@\"'<>]{1,128}@[^\s\"'<>]{3,}"),
    _secret(rf"(?i)https?://[^\s\"'<>]+[?&](?:{_PARAMETERS})=[^\s\"'<>&]{{4,}}(?:&[^\s\"'<>]*)?"),
)

"""North and South America."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

SHAPES = (
    Shape(
        kind="ssn",
        pattern=r"\b\d{3}(?:-\d{2}-| \d{2} )\d{4}\b",
        score=0.8,
        check=checks.ssn,
        near=("ssn", "social security"),
    ),
    Shape(kind="ssn", pattern=r"\b\d{9}\b", score=0.0, check=checks.ssn, near=("ssn", "social security")),
    Shape(
        kind="ca_sin",
        pattern=r"\b\d{3}[ -]\d{3}[ -]\d{3}\b",
        score=0.0,
        check=checks.luhn,
        near=("sin", "social insurance"),
    ),
    Shape(kind="us_licence", pattern=r"\b[A-Z]\d{7,12}\b", score=0.0, near=("driver", "licence", "license")),
    Shape(kind="account", pattern=r"\b\d{6,17}\b", score=0.0, near=("account number", "account no", "acct", "routing")),
    Shape(kind="br_cpf", pattern=r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b", score=0.9, check=checks.cpf),
    Shape(kind="br_cpf", pattern=r"\b\d{11}\b", score=0.0, check=checks.cpf, near=("cpf",)),
    Shape(kind="br_cnpj", pattern=r"\b\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b", score=0.9, check=checks.cnpj),
    Shape(kind="br_cnpj", pattern=r"\b\d{14}\b", score=0.0, check=checks.cnpj, near=("cnpj",)),
)

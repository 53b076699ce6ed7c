"""Europe, with Russia."""

from courtyard.privacy import checks
from courtyard.privacy.shapes.shape import Shape

SHAPES = (
    Shape(kind="uk_nino", pattern=r"\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b", score=0.85, check=checks.nino),
    Shape(kind="uk_nhs", pattern=r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b", score=0.0, check=checks.nhs, near=("nhs",)),
    Shape(
        kind="postcode",
        pattern=r"\b(?:[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2})\b",
        score=0.8,
    ),
    Shape(
        kind="de_tax_id",
        pattern=r"\b[1-9]\d ?\d{3} ?\d{3} ?\d{3}\b",
        score=0.0,
        check=checks.no_leading_zero,
        near=("steuer", "idnr", "id-nr", "tax id", "tin"),
    ),
    Shape(
        kind="de_id",
        pattern=r"(?i)\b[CFGHJKLMNPRTVWXYZ0-9]{9}\d?\b",
        score=0.0,
        near=("personalausweis", "ausweisnummer"),
    ),
    Shape(
        kind="de_health",
        pattern=r"\b[A-Z]\d{9}\b",
        score=0.0,
        near=("krankenversicherung", "versichertennummer", "kvnr"),
    ),
    Shape(
        kind="fr_nir",
        pattern=r"\b[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b",
        score=0.85,
        check=checks.fr_nir,
    ),
    Shape(kind="es_dni", pattern=r"(?i)\b(?:\d{8}|[XYZ]\d{7})-?[A-HJ-NP-TV-Z]\b", score=0.8, check=checks.es_dni),
    Shape(
        kind="it_codice_fiscale",
        pattern=r"(?i)\b[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b",
        score=0.9,
    ),
    Shape(kind="pl_pesel", pattern=r"\b\d{11}\b", score=0.0, check=checks.pl_pesel, near=("pesel",)),
    Shape(kind="nl_bsn", pattern=r"\b\d{9}\b", score=0.0, near=("bsn", "burgerservicenummer")),
    Shape(kind="ru_inn", pattern=r"\b(?:\d{12}|\d{10})\b", score=0.0, check=checks.ru_inn, near=("инн", "inn")),
    Shape(kind="ru_snils", pattern=r"\b\d{3}-\d{3}-\d{3}[ -]\d{2}\b", score=0.85, check=checks.ru_snils),
    Shape(kind="ru_snils", pattern=r"\b\d{11}\b", score=0.0, check=checks.ru_snils, near=("снилс", "snils")),
    Shape(
        kind="passport",
        pattern=r"\b\d{2} ?\d{2}(?: |№| № )?\d{6}\b",
        score=0.0,
        near=("паспорт", "серия", "passport"),
    ),
)

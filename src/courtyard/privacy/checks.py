"""Checksums and dates of numbers that states, banks and networks give out, each as its issuer describes it."""

import base64
import binascii
import socket
from collections.abc import Callable, Iterable, Sequence
from operator import mul

import msgspec

Check = Callable[[str], bool]

_CN_PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    ]
)
_CN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_USCC_ISSUERS = frozenset("123456789ANY")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "DZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("AO", "CV", "LY", "MZ", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BF", "BI", "CM", "DJ", "FR", "GR", "IT", "MC", "MG", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BJ", "BY", "CI", "CY", "DO", "GT", "HN", "HU", "LB", "MA", "ML", "NI", "PL"), 28),
    **dict.fromkeys(("SN", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}
_VERHOEFF = (
    *("0123456789", "1234067895", "2340178956", "3401289567", "4012395678"),
    *("5987604321", "6598710432", "7659821043", "8765932104", "9876543210"),
)
_VERHOEFF_MOVES = (
    *("0123456789", "1576283094", "5803796142", "8916043527"),
    *("9453126870", "4286573901", "2793806415", "7046913258"),
)
_HK_LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_SEPARATORS = str.maketrans("", "", " -./()+:·•№\u3000")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def digits(text: str) -> str:
    """Leave out what sets digits apart, and write letters in upper case."""
    if text.isalnum():
        return text.upper()
    return text.translate(_SEPARATORS).upper()


def _sum(number: Iterable[str], weights: Iterable[int]) -> int:
    return sum(map(mul, map(int, number), weights))


def is_day(year: str, month: str, day: str) -> bool:
    """Whether there is such a day in the last two centuries; a year of two digits may be of either."""
    full = int(year) if len(year) == 4 else 2000
    if not (1850 <= full <= 2099 and 1 <= int(month) <= 12):
        return False
    days = _DAYS[int(month) - 1]
    if int(month) == 2 and len(year) == 4 and (full % 4 or (full % 100 == 0 and full % 400)):
        days = 28
    return 1 <= int(day) <= days


def luhn(text: str) -> bool:
    """ISO/IEC 7812: cards, IMEIs, South African and Saudi numbers."""
    number = digits(text)
    total = sum(map(int, number[-1::-2])) + sum(map(_DOUBLED.__getitem__, map(int, number[-2::-2])))
    return total % 10 == 0 and len(set(number)) > 1


def bank_card(text: str) -> bool:
    """Luhn, and a first digit and a length that issuers have: UnionPay, Visa, Mastercard, Amex, JCB, Discover, Mir."""
    number = digits(text)
    has_issuer = (
        (number[:2] == "62" and 16 <= len(number) <= 19)
        or (number[0] == "4" and len(number) in (13, 16, 19))
        or (number[:2] in ("51", "52", "53", "54", "55") and len(number) == 16)
        or ("2200" <= number[:4] <= "2720" and len(number) == 16)
        or (number[:2] in ("34", "37") and len(number) == 15)
        or (number[:2] in ("30", "36", "38", "39") and len(number) in (14, 16))
        or (number[:2] in ("35", "60", "65", "64") and 16 <= len(number) <= 19)
        or (number[0] in "59" and len(number) in (16, 19))
    )
    return has_issuer and luhn(number)


def iban(text: str) -> bool:
    """ISO 13616: the country's length, and MOD 97-10."""
    number = digits(text)
    if _IBAN_LENGTHS.get(number[:2]) != len(number):
        return False
    return int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == 1


def cn_resident_id(text: str) -> bool:
    """GB 11643-1999: province, day of birth and MOD 11-2; fifteen digits of before 1999 have no check digit."""
    number = digits(text)
    if number[:2] not in _CN_PROVINCES or number[2:6] == "0000":
        return False
    if len(number) == 15:
        return is_day(f"19{number[6:8]}", number[8:10], number[10:12])
    if len(number) != 18 or not is_day(number[6:10], number[10:12], number[12:14]):
        return False
    return "10X98765432"[_sum(number[:17], _CN_WEIGHTS) % 11] == number[17]


def cn_uscc(text: str) -> bool:
    """GB 32100-2015: the unified social credit code, MOD 31."""
    number = digits(text)
    if len(number) != 18 or number[0] not in _USCC_ISSUERS or not set(number) <= set(_USCC_DIGITS):
        return False
    if len(set(number)) == 1:
        return False
    total = sum(_USCC_DIGITS.index(char) * weight for char, weight in zip(number[:17], _USCC_WEIGHTS, strict=True))
    return _USCC_DIGITS[-total % 31] == number[17]


def hk_id(text: str) -> bool:
    """The Hong Kong identity card: one or two letters, six digits, a check digit."""
    number = digits(text).rjust(9)
    values = [_HK_LETTERS.index(char) + 9 if char.isalpha() else 36 for char in number[:2]]
    total = values[0] * 9 + values[1] * 8 + _sum(number[2:8], (7, 6, 5, 4, 3, 2))
    return "0123456789A"[-total % 11] == number[8]


def tw_id(text: str) -> bool:
    """Taiwan's national identification: a letter for the place, nine digits, weights 1 9 8 7 … 1 1."""
    number = digits(text)
    place = _TW_LETTERS.index(number[0]) + 10
    return (place // 10 + place % 10 * 9 + _sum(number[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def ssn(text: str) -> bool:
    """The United States' social security number: area, group and serial that may be given out."""
    number = digits(text)
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def nino(text: str) -> bool:
    """The United Kingdom's national insurance number: prefixes that are given out (HMRC NIM39110)."""
    prefix = digits(text)[:2]
    is_given = prefix[0] not in "DFIQUV" and prefix[1] not in "DFIQUVO"
    return is_given and prefix not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def nhs(text: str) -> bool:
    """England's NHS number: MOD 11."""
    number = digits(text)
    return len(set(number)) > 1 and (11 - _sum(number[:9], range(10, 1, -1)) % 11) % 11 == int(number[9])


def de_tax_id(text: str) -> bool:
    """Germany's Identifikationsnummer (§ 139b AO): ISO 7064 MOD 11,10, and no leading zero."""
    number = digits(text)
    product = 10
    for digit in number[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return number[0] != "0" and (11 - product) % 10 == int(number[10])


def no_leading_zero(text: str) -> bool:
    """Whether the number begins as a number does."""
    return digits(text)[0] != "0"


def es_dni(text: str) -> bool:
    """Spain's DNI and NIE: the letter is the number modulo 23."""
    number = digits(text)
    first = {"X": "0", "Y": "1", "Z": "2"}.get(number[0], number[0])
    return _DNI_LETTERS[int(first + number[1:8]) % 23] == number[8]


def fr_nir(text: str) -> bool:
    """France's numéro de sécurité sociale: 97 less the number modulo 97; Corsica's letters count 19 and 18."""
    number = digits(text).replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number[:13]) % 97 == int(number[13:])


def pl_pesel(text: str) -> bool:
    """Poland's PESEL: weights 1 3 7 9."""
    number = digits(text)
    return len(set(number)) > 1 and (_sum(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1))) % 10 == 0


def cpf(text: str) -> bool:
    """Brazil's CPF: two check digits, MOD 11."""
    return _br_checks(digits(text), (11, 10, 9, 8, 7, 6, 5, 4, 3, 2))


def cnpj(text: str) -> bool:
    """Brazil's CNPJ: two check digits, MOD 11."""
    return _br_checks(digits(text), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))


def _br_checks(number: str, weights: Sequence[int]) -> bool:
    first = _sum(number, weights[1:]) * 10 % 11 % 10
    second = _sum(number, weights) * 10 % 11 % 10
    return len(set(number)) > 1 and number[-2:] == f"{first}{second}"


def aadhaar(text: str) -> bool:
    """India's Aadhaar: Verhoeff, and no leading 0 or 1."""
    number, check = digits(text), 0
    for place, digit in enumerate(reversed(number)):
        check = int(_VERHOEFF[check][int(_VERHOEFF_MOVES[place % 8][int(digit)])])
    return number[0] not in "01" and check == 0


def my_number(text: str) -> bool:
    """Japan's individual number: MOD 11 as in the ministerial ordinance of 2014, article 5."""
    number = digits(text)
    rest = _sum(number[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return len(set(number)) > 1 and (0 if rest <= 1 else 11 - rest) == int(number[11])


def kr_rrn(text: str) -> bool:
    """Korea's resident registration number: a day of birth; since October 2020 its last digits are drawn by chance."""
    number = digits(text)
    return is_day(number[:2], number[2:4], number[4:6]) and number[6] != "0"


def ru_inn(text: str) -> bool:
    """Russia's INN of a person (12 digits) or a company (10): weights of the Federal Tax Service's order."""
    number = digits(text)
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    places = (9,) if len(number) == 10 else (10, 11)
    return len(set(number)) > 1 and all(
        _sum(number[:place], weights[11 - place :]) % 11 % 10 == int(number[place]) for place in places
    )


def ru_snils(text: str) -> bool:
    """Russia's SNILS: weights 9 to 1, modulo 101."""
    number = digits(text)
    return len(set(number)) > 1 and _sum(number[:9], range(9, 0, -1)) % 101 % 100 == int(number[9:])


def eg_id(text: str) -> bool:
    """Egypt's national id: century, day of birth, governorate."""
    number = digits(text)
    century = {"2": "19", "3": "20"}.get(number[0])
    governorate = int(number[7:9])
    is_place = 1 <= governorate <= 35 or governorate == 88
    return century is not None and is_place and is_day(century + number[1:3], number[3:5], number[5:7])


def za_id(text: str) -> bool:
    """South Africa's id: day of birth, citizenship, Luhn."""
    number = digits(text)
    return is_day(number[:2], number[2:4], number[4:6]) and number[10] in "012" and luhn(number)


def ip(text: str) -> bool:
    """An address of IPv4, or of IPv6 with a digit in it: `a::b` is more often a name in a program."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        socket.inet_pton(family, text)
    except OSError:
        return False
    return family == socket.AF_INET or any(char.isdigit() for char in text)


def email(text: str) -> bool:
    """RFC 5321's dots: none at an end of the local part, and no two together."""
    local = text.rpartition("@")[0]
    return ".." not in text and not local.startswith(".") and not local.endswith(".")


def jwt(text: str) -> bool:
    """RFC 7519: its head is JSON that names an algorithm."""
    head = text.partition(".")[0]
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=dict[str, object])
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return False
    return "alg" in read or "enc" in read


def dated(start: int, year_digits: int = 2) -> Check:
    """Make a check that a day of birth stands at a place in the number."""

    def check(text: str) -> bool:
        number = digits(text)[start:]
        year, rest = number[:year_digits], number[year_digits:]
        return is_day(year, rest[:2], rest[2:4])

    return check

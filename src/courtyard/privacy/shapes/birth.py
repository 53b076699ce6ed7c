"""Dates of birth: a date beside a word that says so."""

from courtyard.privacy.shapes.shape import Shape

_BIRTH = (
    r"出生日期|出生年月(?:日)?|出生于|出生|生于|生日|生年月日|誕生日|생년월일"
    r"|date of birth|birth ?da(?:te|y)|\bdob\b|\bborn\b(?: on)?|geboren(?: am)?|\bgeb\.(?: am)?|née? le"
    r"|дата рождения|родил(?:ся|ась)|تاريخ الميلاد|nascid[oa] em|data de nascimento"
)
_IS = r"(?:[ :]|：|是|为|は|in|on){0,6}"
_MONTHS = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_CN = "(?:[0-9]|一|二|三|四|五|六|七|八|九|十){1,3}"
_DAYS = (
    r"(?:\d{4}|\d{2})[/.-]\d{1,2}[/.-]\d{1,2}"
    r"|\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})"
    r"|(?:19|20)\d{6}"
    rf"|(?:\d{{4}}|\d{{2}}|(?:昭和|平成|令和|大正)\d{{1,2}})年(?:\d{{1,2}}月(?:\d{{1,2}}(?:日|号))?)?"
    rf"|(?:\d{{4}}年)?{_CN}月{_CN}(?:日|号)"
    rf"|{_MONTHS}\.? \d{{1,2}}(?:st|nd|rd|th)?,? ?\d{{4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTHS}\.?,? \d{{4}}"
)

SHAPES = (
    Shape(
        kind="birth_date",
        pattern=rf"(?i)(?:{_BIRTH}){_IS}(?:{_DAYS})",
        score=0.95,
        inner=rf"(?i)^(?:{_BIRTH})(?:[ :：是为は]|in|on)*({_DAYS.replace('[0-9]|', '[0-9]|')})$",
        is_loose=True,
    ),
    Shape(
        kind="birth_date",
        pattern=rf"(?i)(?:{_DAYS})(?:出生|生まれ|생)",
        score=0.95,
        inner="^(.*?)(?:出生|生まれ|생)$",
        is_loose=True,
    ),
)

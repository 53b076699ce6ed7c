"""What made-up names are made of: syllables and characters that hardly make a word or a name of anybody."""


def _words(*lines: str) -> list[str]:
    return " ".join(lines).split()


CONSONANTS = "bdfghklmnprstvwz"
VOWELS = "aeiou"
CODAS = "lmnrstkd"

CYRILLIC_CONSONANTS = "бвгдзклмнпрстфхш"
CYRILLIC_VOWELS = "аеиоу"
CYRILLIC_CODAS = "лмнрстдк"

COMPOUND_SURNAMES = _words(
    "欧阳 上官 司徒 慕容 尉迟 令狐 宇文 长孙 皇甫 轩辕 诸葛 独孤 端木 拓跋 夏侯 南宫 钟离",
    "闻人 澹台 公冶 濮阳 淳于 申屠 公孙 鲜于 闾丘 呼延 赫连 完颜 东郭 仲孙 宗政",
)
"""Surnames of two characters: rare enough to be found again in an answer, alone too, as in `欧阳先生`."""

GIVEN = (
    "澄玥珩璟昀霁沅芷蘅岑翊骁铎钰瑾琬琰璇珞珂瑜筠箐菡萱芮茉荻薇蓁谌谧诩旻昱晗晟暄曜"
    "朔栩桓梓楠榕樾泓洵浔涵淇渝湜溪漪潆煊煜熠烨玮珅"
)
PLACES = (
    "岚沧溟澜渌湄漳滏洺淞沭浦峪岱嵩岐峤嵊崇皋隰陵陌鄞郴郯鄱邗邳郾棠榆枞槐梧柘桦荆蓟菏莒芜葵蕲虞滁沁沅澧洮湟渭泾洛颍涪"
)
"""Characters of given names and of places that common words seldom have."""

NUMERALS = "一二三四五六七八九"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

KEPT_CHARACTERS = frozenset("省市区县州镇乡村路街道巷弄号栋楼室层座年月日")
"""What says of which sort a place or a date is, and not which one."""
KEPT_ENDINGS = _words(
    "有限责任公司 股份有限公司 有限公司 公司 集团 大学 学院 医院 银行 中心 委员会",
    "法院 学校 中学 小学 研究所 研究院 事务所",
)

_SMALL = _words("of the and for in at on de da do di du la le los las el al bin ibn abu von van der den dos")
_FORMS = _words(
    "The Inc Incorporated Ltd Limited LLC LLP PLC Corp Corporation Co Company Group GmbH AG SA SARL BV NV AB",
    "University College School Hospital Clinic Bank Institute Ministry Department Office Court",
)
_STREETS = _words(
    "Street St Road Rd Avenue Ave Lane Ln Drive Dr Boulevard Blvd Way Place Pl Square Sq Terrace Close",
    "Apartment Apt Suite Ste Floor Unit Building Bldg Box PO North South East West",
)
KEPT_WORDS: dict[str, frozenset[str]] = {
    "person": frozenset((*_SMALL, "Mr", "Mrs", "Ms", "Dr", "Prof", "Sir")),
    "place": frozenset(_SMALL),
    "organisation": frozenset((*_SMALL, *_FORMS)),
    "address": frozenset((*_SMALL, *_STREETS)),
}
"""Words that say what sort of thing it is, as they are written in one."""

MONTHS = _words("January February March April May June July August September October November December")

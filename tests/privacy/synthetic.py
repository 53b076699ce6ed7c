"""Chinese texts that nobody wrote, with what is personal in them: other templates, names and places than zh_synth's."""

import random
from collections.abc import Callable, Iterator

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_COMPOUND = ("欧阳", "上官", "司马", "诸葛", "慕容", "皇甫")
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰英华梅玲红云峰鑫波斌宇浩凯俊帆雪琳晨"
    "阳佳欣怡梓涵子轩雨桐一诺思远嘉懿若曦沐辰"
)
_PLACES = (
    "浙江省宁波市海曙区",
    "广东省佛山市顺德区",
    "四川省绵阳市涪城区",
    "湖北省宜昌市西陵区",
    "山东省烟台市芝罘区",
    "河南省洛阳市涧西区",
    "福建省泉州市丰泽区",
    "辽宁省大连市沙河口区",
    "云南省大理市",
    "江苏省苏州市吴江区",
    "重庆市渝北区",
    "天津市南开区",
    "上海市徐汇区",
    "北京市海淀区",
)
_ROADS = ("人民路", "解放大道", "中山北路", "建设街", "学府路", "滨江大道", "文昌巷", "和平里", "长征路", "科技园路")
_ENDS = ("{}号", "{}号{}栋{}室", "{}弄{}号{}室", "{}号{}单元{}室", "{}号{}座{}层")
_FIRMS = ("恒远", "瑞泽", "博川", "盛和", "中联", "华彩", "金石", "云帆", "启明", "天汇")
_TRADES = ("信息技术", "医疗器械", "物流", "建筑工程", "文化传媒", "农业科技", "餐饮管理")
_TEMPLATES = (
    "请核对：{PER}，{ID}，预留手机{PHONE}。",
    "转账失败，收款卡号{CARD}，户名{PER}，麻烦重新发起",
    "投诉人{PER}（{PHONE}）反映{LOC}夜间施工扰民，请派人核实。",
    "昨晚{PER}把车停在楼下，车牌号{PLATE}，今早被刮了。",
    "{ORG}（{USCC}）的法定代表人为{PER}，注册地址：{LOC}",
    "会议纪要：主持人{PER}，参会人{PER}、{PER}，下次会议定在{DATE}。",
    "帮我写一封邮件给{PER}，邮箱是{EMAIL}，抄送{EMAIL}",
    "患者{PER}，身份证号码{ID}，住{LOC}，紧急联系人{PER} {PHONE}。",
    "快递到了，{LOC}，{PER}收，电话{PHONE}，放门口就行。",
    "出境登记 姓名：{PER} 护照：{PASS} 航班CA1831",
    "我的新号是{PHONE}，微信{WX}，以后联系我。{PER}",
    "ip {IP} 在{DATE}多次尝试登录，账号绑定手机{PHONE}",
    "设备编号{NEG18}，批次{NEG19}，数量{NEGN}台，请入库。",
    "合同编号HT{NEGN}，订单{NEG18}于{DATE}完成，发票金额{NEGN}元。",
    "服务器版本{NEGV}升级完毕，构建号{NEGN}，无异常。",
    "QQ：{QQ}，{PER}老师的课表已发群里",
)
_NAMES = {"NEG18": "id", "NEG19": "card"}


class Maker:
    """Makes texts by a seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def texts(self, count: int) -> Iterator[tuple[str, list[tuple[str, int, int]]]]:
        """Make texts, each with the kind, start and end of what is personal in it."""
        for _ in range(count):
            yield self._text(self._chance.choice(_TEMPLATES))

    def _text(self, template: str) -> tuple[str, list[tuple[str, int, int]]]:
        text, spans = "", []
        for part in template.split("{"):
            name, brace, rest = part.partition("}")
            if not brace:
                text += part
                continue
            value = self._makers()[name]()
            if not name.startswith("NEG") and name != "DATE":
                spans.append((name, len(text), len(text) + len(value)))
            text += value + rest
        return text, spans

    def _makers(self) -> dict[str, Callable[[], str]]:
        chance = self._chance
        return {
            "PER": self._person,
            "ID": self.resident_id,
            "CARD": self.card,
            "USCC": self._uscc,
            "LOC": self._address,
            "PHONE": self._phone,
            "PLATE": lambda: (
                f"{chance.choice('浙粤川鄂鲁豫闽辽云苏渝津沪京')}{chance.choice('ABCDEFGH')}{chance.choice('·')}{self._digits(5)}"
            ),
            "ORG": lambda: f"{chance.choice(_PLACES)[:2]}{chance.choice(_FIRMS)}{chance.choice(_TRADES)}有限公司",
            "EMAIL": lambda: (
                f"{chance.choice(['li', 'wang.q', 'zhao_', 'h-chen'])}{self._digits(3)}"
                f"@{chance.choice(['corp.cn', 'mail.example.com'])}"
            ),
            "PASS": lambda: chance.choice("EG") + self._digits(8),
            "WX": lambda: f"{chance.choice(['sunny', 'blue_sky', 'lao-wang'])}{self._digits(4)}",
            "QQ": lambda: chance.choice("123456789") + self._digits(8),
            "IP": lambda: ".".join(str(chance.randint(1, 254)) for _ in range(4)),
            "DATE": lambda: f"{chance.randint(2020, 2026)}年{chance.randint(1, 12)}月{chance.randint(1, 28)}日",
            "NEG18": lambda: self.resident_id(is_valid=False),
            "NEG19": lambda: self.card(is_valid=False),
            "NEGN": lambda: str(chance.randint(100, 99999)),
            "NEGV": lambda: f"{chance.randint(1, 9)}.{chance.randint(0, 20)}.{chance.randint(0, 99)}",
        }

    def _digits(self, count: int) -> str:
        return "".join(self._chance.choice("0123456789") for _ in range(count))

    def _person(self) -> str:
        chance = self._chance
        surname = chance.choice(_COMPOUND) if chance.random() < 0.03 else chance.choice(_SURNAMES)
        return surname + "".join(chance.choice(_GIVEN) for _ in range(chance.choice((1, 2, 2))))

    def resident_id(self, *, is_valid: bool = True) -> str:
        """A resident's number whose last digit is right, or is not."""
        chance = self._chance
        place = chance.choice(("330203", "440606", "510703", "420502", "370602", "410305", "350503", "210204"))
        born = f"{chance.randint(1945, 2015)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
        number = f"{place}{born}{self._digits(3)}"
        right = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=True)) % 11]
        return number + (right if is_valid else chance.choice([digit for digit in "0123456789" if digit != right]))

    def card(self, *, is_valid: bool = True) -> str:
        """A card's number whose last digit is right, or is not."""
        number = self._chance.choice(("622848", "621226", "622588", "623058")) + self._digits(12)
        doubled = [int(digit) * 2 for digit in number[::-2]]
        total = sum(digit - 9 * (digit > 9) for digit in doubled) + sum(map(int, number[-2::-2]))
        return number + str((-total + (not is_valid)) % 10)

    def _uscc(self) -> str:
        number = "91330203" + "".join(self._chance.choice(_USCC) for _ in range(9))
        total = sum(_USCC.index(char) * weight for char, weight in zip(number, _USCC_WEIGHTS, strict=True))
        return number + _USCC[-total % 31]

    def _address(self) -> str:
        chance = self._chance
        end = chance.choice(_ENDS)
        numbers = [str(chance.randint(1, 30)) for _ in range(end.count("{}"))]
        return f"{chance.choice(_PLACES)}{chance.choice(_ROADS)}{end.format(*numbers)}"

    def _phone(self) -> str:
        chance = self._chance
        number = f"1{chance.choice('3578')}{self._digits(9)}"
        return chance.choice((number, number, f"+86-{number}", f"{number[:3]} {number[3:7]} {number[7:]}"))

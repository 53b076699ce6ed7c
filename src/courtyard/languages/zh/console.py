"""The console's strings in Chinese, in the parts that the other files of this package hold."""

from courtyard.languages.model import Words
from courtyard.languages.zh.billing import BILLING
from courtyard.languages.zh.books import BOOKS
from courtyard.languages.zh.frame import FRAME
from courtyard.languages.zh.keys import KEYS
from courtyard.languages.zh.operate import OPERATE
from courtyard.languages.zh.registers import REGISTERS
from courtyard.languages.zh.wall import WALL

CONSOLE: Words = {**FRAME, **BOOKS, **KEYS, **BILLING, **OPERATE, **WALL, **REGISTERS}

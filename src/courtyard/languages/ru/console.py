"""The console's strings in Russian, in the parts that the other files of this package hold."""

from courtyard.languages.model import Words
from courtyard.languages.ru.billing import BILLING
from courtyard.languages.ru.books import BOOKS
from courtyard.languages.ru.frame import FRAME
from courtyard.languages.ru.keys import KEYS
from courtyard.languages.ru.operate import OPERATE
from courtyard.languages.ru.registers import REGISTERS
from courtyard.languages.ru.wall import WALL

CONSOLE: Words = {**FRAME, **BOOKS, **KEYS, **BILLING, **OPERATE, **WALL, **REGISTERS}

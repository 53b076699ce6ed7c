"""The console's strings in English, in the parts that the other files of this package hold."""

from courtyard.languages.en.billing import BILLING
from courtyard.languages.en.books import BOOKS
from courtyard.languages.en.frame import FRAME
from courtyard.languages.en.keys import KEYS
from courtyard.languages.en.operate import OPERATE
from courtyard.languages.en.registers import REGISTERS
from courtyard.languages.en.wall import WALL
from courtyard.languages.model import Words

CONSOLE: Words = {**FRAME, **BOOKS, **KEYS, **BILLING, **OPERATE, **WALL, **REGISTERS}

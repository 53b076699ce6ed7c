"""The console's strings in Swahili, in the parts that the other files of this package hold."""

from courtyard.languages.model import Words
from courtyard.languages.sw.billing import BILLING
from courtyard.languages.sw.books import BOOKS
from courtyard.languages.sw.frame import FRAME
from courtyard.languages.sw.keys import KEYS
from courtyard.languages.sw.operate import OPERATE
from courtyard.languages.sw.registers import REGISTERS
from courtyard.languages.sw.wall import WALL

CONSOLE: Words = {**FRAME, **BOOKS, **KEYS, **BILLING, **OPERATE, **WALL, **REGISTERS}

"""The console's strings in Arabic, in the parts that the other files of this package hold."""

from courtyard.languages.ar.billing import BILLING
from courtyard.languages.ar.books import BOOKS
from courtyard.languages.ar.frame import FRAME
from courtyard.languages.ar.keys import KEYS
from courtyard.languages.ar.operate import OPERATE
from courtyard.languages.ar.registers import REGISTERS
from courtyard.languages.ar.wall import WALL
from courtyard.languages.model import Words

CONSOLE: Words = {**FRAME, **BOOKS, **KEYS, **BILLING, **OPERATE, **WALL, **REGISTERS}

"""The console's strings in French, in the parts that the other files of this package hold."""

from courtyard.languages.fr.billing import BILLING
from courtyard.languages.fr.books import BOOKS
from courtyard.languages.fr.frame import FRAME
from courtyard.languages.fr.keys import KEYS
from courtyard.languages.fr.operate import OPERATE
from courtyard.languages.fr.registers import REGISTERS
from courtyard.languages.fr.wall import WALL
from courtyard.languages.model import Words

CONSOLE: Words = {**FRAME, **BOOKS, **KEYS, **BILLING, **OPERATE, **WALL, **REGISTERS}

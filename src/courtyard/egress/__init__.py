"""The only way out: sends admitted requests to other providers' endpoints, and to nothing else."""

from courtyard.egress.api import EgressDoor
from courtyard.egress.dialing import pin_of
from courtyard.egress.model import EgressSettings, NotLetOut
from courtyard.egress.service import Egress

__all__ = ["Egress", "EgressDoor", "EgressSettings", "NotLetOut", "pin_of"]

"""How a data set is split into train, validation and test. Each splitter declares its options as fields."""

from bench.protocol.splitters.at_random import Holdout, KFold
from bench.protocol.splitters.base import Assignment, Splitter
from bench.protocol.splitters.by_time import LeaveLastN, Rolling, Temporal, UserTemporal
from bench.protocol.splitters.given import Given
from bench.protocol.splitters.unseen import ColdItems, StrongGeneralisation

__all__ = [
    "Assignment",
    "ColdItems",
    "Given",
    "Holdout",
    "KFold",
    "LeaveLastN",
    "Rolling",
    "Splitter",
    "StrongGeneralisation",
    "Temporal",
    "UserTemporal",
]

"""Gradient descent: the loop, its state, and what is called while it runs."""

from gdnet.descent.callbacks import Callback, Next, StopDescent, TimeLimit
from gdnet.descent.loop import descend
from gdnet.descent.state import DescentResult, DescentSetup, DescentState, result_of

__all__ = [
    "Callback",
    "DescentResult",
    "DescentSetup",
    "DescentState",
    "Next",
    "StopDescent",
    "TimeLimit",
    "descend",
    "result_of",
]

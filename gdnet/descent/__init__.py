"""Gradient descent: the loop, its state, and what is called while it runs."""

from gdnet.descent.callbacks import Callback, Next, StopDescent, TimeLimit
from gdnet.descent.entry import descend
from gdnet.descent.solvers import LBFGS, GradientDescent, Momentum, Solver, SolverState, Step
from gdnet.descent.state import DescentResult, DescentSetup, DescentState, result_of

__all__ = [
    "LBFGS",
    "Callback",
    "DescentResult",
    "DescentSetup",
    "DescentState",
    "GradientDescent",
    "Momentum",
    "Next",
    "Solver",
    "SolverState",
    "Step",
    "StopDescent",
    "TimeLimit",
    "descend",
    "result_of",
]

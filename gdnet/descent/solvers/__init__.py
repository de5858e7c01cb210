"""Solvers: the lecture's gradient descent, with momentum, and L-BFGS."""

from __future__ import annotations

from gdnet.descent.solvers.base import Solver, SolverState, Step
from gdnet.descent.solvers.gradient_descent import GradientDescent, Momentum
from gdnet.descent.solvers.lbfgs import LBFGS

__all__ = ["LBFGS", "GradientDescent", "Momentum", "Solver", "SolverState", "Step"]

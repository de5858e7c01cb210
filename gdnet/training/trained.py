"""What a training has made: the model, the run, and how good it is."""

from __future__ import annotations

from typing import NamedTuple

from gdnet._typing import HostArray
from gdnet.descent import DescentResult
from gdnet.model.model import Model
from gdnet.parameters import Parameters
from gdnet.scores.classification import Evaluation
from gdnet.scores.regression import RegressionScores


class Outcome(NamedTuple):
    """What a training has come to.

    Attributes
    ----------
    parameters : Parameters
        Those that are kept, NumPy arrays: after the last update, or with early stopping the best.
    cost : float
        J of them.
    iteration : int
        After how many updates of this run they were.
    run : DescentResult
        The whole run.
    validation_cost : float or None
        That of `parameters`, where early stopping has chosen them.
    """

    parameters: Parameters[HostArray]
    cost: float
    iteration: int
    run: DescentResult
    validation_cost: float | None = None


class Trained(NamedTuple):
    """A model, the run that made it, and how good it is.

    Attributes
    ----------
    model : Model
        The trained network, as it is saved.
    outcome : Outcome
        Which parameters are kept, and the run.
    train : Evaluation or RegressionScores
        On the examples it was trained on.
    validation : Evaluation, RegressionScores or None
        On those held out or given for validation.
    """

    model: Model
    outcome: Outcome
    train: Evaluation | RegressionScores
    validation: Evaluation | RegressionScores | None

    @property
    def run(self) -> DescentResult:
        """The whole run."""
        return self.outcome.run


class NotEvaluated(Exception):  # noqa: N818 - its cause is the error
    """A training has come to its end, and then evaluating it was interrupted or failed.

    Its cause is the exception that ended it.

    Attributes
    ----------
    trained : Trained
        With `gdnet.scores.evaluation.not_evaluated` in place of what is missing.
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__("trained, and not evaluated")
        self.trained = trained

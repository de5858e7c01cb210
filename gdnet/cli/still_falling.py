"""A word where the iterations ended before the descent did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gdnet.scores.classification import Evaluation
from gdnet.training.options import Settings

if TYPE_CHECKING:
    from gdnet.descent import DescentResult
    from gdnet.scores.regression import RegressionScores

# The cost still falls if it does by this fraction over the last tenth of the iterations.
MIN_FALL = 0.01
# Who asks for fewer iterations does not expect them to be enough.
MIN_ITERATIONS = Settings.iterations


def still_falling_notes(
    run: DescentResult, settings: Settings, judged: Evaluation | RegressionScores
) -> tuple[str, ...]:
    """Return a sentence if the cost still fell when the iterations ended.

    Parameters
    ----------
    run : DescentResult
        The descent. Where it has validation costs these decide: the cost of the training falls
        for ever where a network overfits.
    settings : Settings
        How it was made.
    judged : Evaluation or RegressionScores
        Of the model, on what the costs are of. Where every class is right there is nothing to
        gain.
    """
    perfect = isinstance(judged, Evaluation) and judged.accuracy == 1
    if run.converged or run.iterations < MIN_ITERATIONS or perfect:
        return ()
    validated, lbfgs = run.validation_costs is not None, settings.solver == "lbfgs"
    if lbfgs and not validated:
        return ()  # by then it has rather learnt its examples by heart
    fall = _fall(run.costs if run.validation_costs is None else run.validation_costs)
    if not fall > MIN_FALL:
        return ()
    remedy = "raise --iterations"
    if not lbfgs:
        stops = ", and --validation 0.1 --early-stopping ends it before it overfits"
        remedy = f"--solver lbfgs comes lower in fewer{'' if validated else stops}; or {remedy}"
    return (
        f"the {'validation ' * validated}cost was still falling when the {run.iterations:,} "
        f"iterations ended, by {fall:.1%} over the last tenth of them: {remedy}",
    )


def _fall(costs: npt.NDArray[np.float64]) -> float:
    """Return by which fraction the lowest cost fell over the last tenth of the iterations."""
    known = np.nan_to_num(costs, nan=np.inf)
    before = len(known) - len(known) // 10
    lowest = float(known[:before].min())
    return 1 - float(known[before:].min()) / lowest if 0 < lowest < np.inf else 0.0

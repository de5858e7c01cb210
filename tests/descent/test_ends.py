"""Descents that end where the cost is not sound, or by two rules at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")


from gdnet import (
    Checkpoint,
    EarlyStopping,
    FullBatch,
    StopDescent,
    descend,
    get_backend,
    initialise,
)
from gdnet.checkpoint.file import load as load_checkpoint
from gdnet.data.source import RowSource
from gdnet.descent import DescentState
from gdnet.errors import DataError, Diverged
from tests.support.labelled_problems import problem
from tests.support.noisy_fits import Interrupt, classifier


def rising(**settings: Any) -> tuple[Any, dict[str, Any]]:
    """A descent that does not come back, and its settings."""
    X, y = problem("binary")
    source = RowSource(X, (y == y[0]).reshape(1, -1).astype(np.uint8))
    batch = FullBatch(source, get_backend("cpu"), n1=8, dtype="float64", l2=150.0)
    start = initialise(X.shape[1], 8, 1, random_state=0, init_scale=0.1)
    return batch, {"parameters": start, "learning_rate": 4.5, "iterations": 400} | settings


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("stop", [5, 12, 60])
def test_a_run_resumed_while_it_diverges_keeps_its_last_good(tmp_path: Path, stop: int) -> None:
    batch, settings = rising()
    with pytest.raises(Diverged) as whole:
        descend(batch, **settings)
    good = whole.value.last_good
    assert good.iterations < 5
    with Checkpoint(tmp_path / "c", every=1) as checkpoint, pytest.raises(KeyboardInterrupt):
        descend(batch, **settings, callbacks=[checkpoint, Interrupt(stop)])
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint, pytest.raises(Diverged) as then:
        descend(batch, **settings, callbacks=[checkpoint])
    assert str(then.value) == str(whole.value)
    assert then.value.last_good.costs.tolist() == good.costs.tolist()
    np.testing.assert_array_equal(then.value.last_good.parameters.W1, good.parameters.W1)


def test_a_time_limit_at_a_cost_that_is_not_sound_can_be_resumed(tmp_path: Path) -> None:
    batch, settings = rising()

    def stop(state: DescentState) -> None:
        if state.iteration == 12:
            raise StopDescent(converged=False)

    with Checkpoint(tmp_path / "c") as checkpoint:
        run = descend(batch, **settings, callbacks=[checkpoint, stop])
    assert (run.iterations, run.converged) == (12, False)
    assert load_checkpoint(tmp_path / "c").state.iteration < 5


def test_a_time_limit_does_not_undo_that_the_cost_has_stalled(tmp_path: Path) -> None:
    X, y = problem("binary")
    source = RowSource(X, (y == y[0]).reshape(1, -1).astype(np.uint8))
    batch = FullBatch(source, get_backend("cpu"), n1=4, dtype="float64")
    start = initialise(X.shape[1], 4, 1, random_state=0)
    settings: dict[str, Any] = {"learning_rate": 0.5, "iterations": 5000, "tol": 2e-2}
    whole = descend(batch, start, **settings)

    def late(state: DescentState) -> None:
        if state.iteration == whole.iterations:
            raise StopDescent(converged=False)

    with Checkpoint(tmp_path / "c") as checkpoint:
        run = descend(batch, start, **settings, callbacks=[checkpoint, late])
    assert (run.iterations, run.converged) == (whole.iterations, True)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        again = descend(batch, start, **settings, callbacks=[checkpoint])
    assert again.costs.tolist() == whole.costs.tolist()


def test_two_early_stoppings_with_a_checkpoint_are_refused(tmp_path: Path) -> None:
    X, y = problem("binary")
    with (
        Checkpoint(tmp_path / "c") as checkpoint,
        pytest.raises(DataError, match="expected one EarlyStopping in a run with a checkpoint"),
    ):
        classifier(early_stopping=True).fit(
            X, y, checkpoint=checkpoint, callbacks=[EarlyStopping()]
        )

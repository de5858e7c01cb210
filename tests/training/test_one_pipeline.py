"""The command line and GDClassifier train to the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")


from gdnet import get_backend
from gdnet.data.table import Table
from gdnet.model.model import Model
from gdnet.training.options import Settings
from gdnet.training.table import Training
from gdnet.training.trained import Trained
from tests.support.labelled_problems import problem
from tests.support.noisy_fits import ITERATIONS, NOISY, classifier, noise


def as_table(X: Any, y: Any) -> Table:
    return Table(X, y, None, None, "a table", False)


def trained(X: Any, y: Any, others: Any = None, **settings: Any) -> Trained:
    chosen = Settings(**NOISY, dtype="float64", standardize=False, **settings)
    validation = None if others is None else as_table(*others)
    return Training(as_table(X, y), chosen, get_backend("cpu"), validation).run()


def assert_same(ours: Model, theirs: Any) -> None:
    for a, b in zip(ours.parameters, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("stopped", [None, "fraction", "table"])
def test_command_line_and_classifier_train_to_the_same_bits(
    kind: str, class_weight: str | None, stopped: str | None
) -> None:
    X, y = problem(kind)
    y = noise(y) if stopped else y
    ours: dict[str, Any] = {"class_weight": class_weight}
    theirs = ours.copy()
    given: dict[str, Any] = {}
    if stopped:
        ours |= {"early_stopping": True, "patience": 12}
        theirs |= {"early_stopping": True, "n_iter_no_change": 12}
    if stopped == "fraction":
        ours["validation_fraction"] = theirs["validation_fraction"] = 0.3
    if stopped == "table":
        given["others"] = X[::2], noise(y)[::2]
    by_command = trained(X, y, **given, **ours)
    clf = classifier(**theirs).fit(X, y, eval_set=given.get("others"))
    assert_same(by_command.model, clf.parameters_)
    assert by_command.run.costs.tolist() == clf.loss_curve_
    assert by_command.outcome.cost == clf.loss_ == by_command.model.training["cost"]
    if stopped:
        assert by_command.run.validation_costs is not None
        assert by_command.run.validation_costs.tolist() == clf.validation_loss_curve_
        assert by_command.model.training["kept_iteration"] == by_command.outcome.iteration
        assert by_command.outcome.iteration < by_command.run.iterations
    else:
        assert by_command.outcome.iteration == ITERATIONS
        assert "kept_iteration" not in by_command.model.training

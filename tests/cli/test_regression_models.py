"""Models that predict numbers: their files and pictures, and what is not for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pyarrow")

from gdnet.model.file import load_model, save_model
from gdnet.model.model import Model
from tests.support.command import here, train
from tests.support.houses import ASKED, QUICK


@pytest.mark.parametrize(
    "arguments",
    [
        "predict m houses.csv --proba",
        "predict m houses.csv --logits",
        "plot confusion m houses.csv",
        "plot roc m houses.csv",
        "plot calibration m houses.csv",
        "plot boundary m houses.csv",
    ],
)
def test_what_only_classification_has_is_refused(regression_model: Path, arguments: str) -> None:
    done = here(*arguments.split(), cwd=regression_model)
    assert done.code == 2
    assert "expected a model of classes or labels, got one that predicts numbers" in done.err


def test_pictures_of_regression(regression_model: Path) -> None:
    pytest.importorskip("matplotlib")
    for picture in ("predicted", "residuals"):
        done = here("plot", picture, "m", "houses.csv", "--quiet", cwd=regression_model)
        assert (done.code, done.out) == (0, f"{picture}.png\n")
        assert (regression_model / f"{picture}.png").stat().st_size > 5000
        train(regression_model, "planar", *QUICK, out="planar")
        done = here("plot", picture, "planar", "planar", cwd=regression_model)
        assert done.code == 2
        assert "expected a model that predicts numbers, got a binary model" in done.err
    done = here("train", *ASKED, *QUICK, "--plot", "c.png", "--out", "m", cwd=regression_model)
    assert done.code == 0


def test_hidden_units_of_a_regression(regression_model: Path) -> None:
    pytest.importorskip("matplotlib")
    assert here("plot", "hidden", "m", "houses.csv", cwd=regression_model).code == 0
    assert "kind           regression" in here("info", "m", cwd=regression_model).out


# Model files


def test_a_regression_model_file_is_checked(regression_model: Path) -> None:
    model = load_model(regression_model / "m")

    def problem(**changes: Any) -> str:
        save_model(replace(model, **changes), regression_model / "bad")
        done = here("info", "bad", cwd=regression_model)
        assert done.code == 2
        return done.err

    assert "output sigmoid does not belong to a regression model" in problem(output="sigmoid")
    assert "expected no classes for a regression model" in problem(classes=(0, 1))
    assert "output identity does not belong to a binary model" in problem(
        kind="binary", classes=(0, 1)
    )


def test_a_model_without_a_task_in_its_settings_is_read(tmp_path: Path) -> None:
    train(tmp_path, "planar", *QUICK)
    model = load_model(tmp_path / "m")
    settings = {key: value for key, value in model.settings.items() if key != "task"}
    old: Model = replace(model, settings=settings)
    save_model(old, tmp_path / "old")
    assert load_model(tmp_path / "old").settings == settings
    done = here("evaluate", "old", "planar", "--device", "cpu", "--json", cwd=tmp_path)
    assert done.json["examples"] == 400
    assert train(tmp_path, "planar", *QUICK, "--init", "old")["first_cost"] < 0.69

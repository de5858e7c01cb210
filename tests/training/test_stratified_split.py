"""The validation part of the command line: every class, the same rows as the estimator's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import here


def test_split_is_that_of_the_estimator(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from gdnet import GDClassifier

    random = np.random.RandomState(0)
    X = random.randn(200, 3)
    y = np.array(["common"] * 180 + ["rare"] * 20)[random.permutation(200)]
    np.savez(tmp_path / "d.npz", X=X, y=y)
    words = "train d.npz --validation 0.2 --seed 5 --iterations 7 --no-standardize"
    words += " --dtype float64 --history h.jsonl --quiet"
    done = here(*words.split(), cwd=tmp_path)
    assert done.code == 0
    costs = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    fitted = GDClassifier(
        max_iter=7,
        tol=0,
        random_state=5,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=99,
    )
    fitted.fit(X, y)
    assert [line["cost"] for line in costs] == fitted.loss_curve_
    assert [line["validation_cost"] for line in costs] == fitted.validation_loss_curve_


def test_every_class_is_in_both_parts(tmp_path: Path) -> None:
    y = np.array([0] * 97 + [1] * 3)
    np.savez(tmp_path / "d.npz", X=np.random.RandomState(1).randn(100, 2), y=y)
    for seed in range(12):
        words = f"train d.npz --validation 0.34 --seed {seed} --iterations 1 --json --quiet"
        facts = here(*words.split(), cwd=tmp_path).json
        assert np.sum(facts["validation_confusion"], axis=1).tolist() == [33, 1]
        assert facts["validation_auc"] is not None
        assert not [note for note in facts["notes"] if "does not beat" not in note]


def test_class_that_one_part_lacks_is_named(tmp_path: Path) -> None:
    y = np.array(["a"] * 50 + ["b"] * 49 + ["rare"])
    np.savez(tmp_path / "d.npz", X=np.random.RandomState(1).randn(100, 2), y=y)
    done = here(*["train", "d.npz", "--validation", "0.2", "--iterations", "1"], cwd=tmp_path)
    assert "the validation part has no example of class 'rare', of which its figures" in done.err
    np.savez(tmp_path / "two.npz", X=np.random.RandomState(1).randn(100, 2), y=y == "a")
    np.savez(tmp_path / "one.npz", X=np.ones((3, 2)), y=[True] * 3)
    words = "train two.npz --validation one.npz --iterations 1 --json"
    done = here(*words.split(), cwd=tmp_path)
    assert "the validation part has no example of class False" in done.err
    assert done.json["validation_auc"] is None


def test_one_hot_labels_are_named(tmp_path: Path) -> None:
    codes = np.random.RandomState(0).randint(0, 3, 50)
    np.save(tmp_path / "X.npy", np.random.RandomState(1).randn(50, 2))
    for Y, said in ((np.eye(3, dtype=int)[codes], 1), (np.eye(3, dtype=int)[codes] | [0, 0, 1], 0)):
        np.save(tmp_path / "Y.npy", Y)
        done = here(*["train", "X.npy", "--labels", "Y.npy", "--iterations", "2"], cwd=tmp_path)
        assert done.code == 0
        assert done.err.count("the labels are one-hot") == said

"""``gdnet evaluate`` gives the numbers of the training summary, from any format."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score

from tests.support.command import Rows, here, train, unexpected, write_csv, write_parquet

NAMES = ["a", "b", "c", "d"]
M = 900


@pytest.fixture(scope="module")
def X() -> Rows:
    random = np.random.RandomState(3)
    # One feature far from 0, where float32 has few digits left: 1e5 +- 2.
    rows: Rows = random.randn(M, 4) * [1, 30, 0.01, 2] + [0, -5, 0, 1e5]
    return rows


def target(kind: str, X: Rows) -> Rows:
    noise = np.random.RandomState(4).randn(M)
    score = X[:, 0] + X[:, 1] / 30 + noise
    if kind == "binary":
        return (score > 0.7).astype(np.int64)
    if kind == "multiclass":
        return np.digitize(score, [-1, 1]).astype(np.int64)
    return np.column_stack([score > 0.7, X[:, 2] + 0.005 * noise > 0, noise > 1]).astype(np.uint8)


def evaluate(cwd: Path, *arguments: object) -> dict[str, Any]:
    done = here("evaluate", *arguments, "--device", "cpu", "--json", cwd=cwd)
    assert (done.code, unexpected(done.err)) == (0, "")
    return done.json


def same_numbers(summary: dict[str, Any], evaluated: dict[str, Any]) -> None:
    """The training summary and an evaluation of its model on the same data, to 6 decimals."""
    assert set(evaluated) >= {"examples", "accuracy", "log_loss"}
    assert summary["classes"] == evaluated["classes"]
    for key, value in evaluated.items():
        if key not in ("classes", "notes"):
            expected = value if key == "confusion" else pytest.approx(value, abs=5e-7)
            assert summary[f"train_{key}"] == expected, key


@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_same_numbers_as_the_training(
    tmp_path: Path, X: Rows, kind: str, dtype: str, standardize: str
) -> None:
    if standardize == "--no-standardize":
        X = X - [0, 0, 0, 1e5]
    y = target(kind, X)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    data = ["X.npy", "--labels", "y.npy"]
    options = ["--iterations", 60, "--hidden", 5, "--learning-rate", 0.3, "--dtype", dtype]
    summary = train(tmp_path, *data, *options, standardize)
    assert summary["train_accuracy"] > 0.3
    same_numbers(summary, evaluate(tmp_path, "m", *data))
    same_numbers(summary, evaluate(tmp_path, "m", "d.npz"))
    same_numbers(train(tmp_path, "d.npz", *options, standardize), evaluate(tmp_path, "m", "d.npz"))


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_same_numbers_with_class_weights(tmp_path: Path, X: Rows, kind: str) -> None:
    np.savez(tmp_path / "d.npz", X=X, y=target(kind, X))
    options = ["--iterations", 60, "--hidden", 5, "--class-weight", "balanced"]
    summary = train(tmp_path, "d.npz", *options)
    same_numbers(summary, evaluate(tmp_path, "m", "d.npz"))
    assert summary["cost"] != pytest.approx(summary["train_log_loss"], abs=1e-3)


def test_same_numbers_from_every_format(tmp_path: Path, X: Rows) -> None:
    y = target("binary", X)
    write_csv(tmp_path / "d.csv", X, y, [*NAMES, "y"])
    write_parquet(tmp_path / "d.parquet", X, y, [*NAMES, "y"])
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    formats: list[list[object]] = [["d.csv"], ["d.parquet"], ["d.npz"]]
    formats.append(["X.npy", "--labels", "y.npy"])
    options = ["--iterations", 30, "--hidden", 4]
    trained = {}
    for data in formats:
        named = ["--target", "y"] if data[0] in ("d.csv", "d.parquet") else []
        trained[str(data[0])] = train(tmp_path, *data, *named, *options, out=f"m.{data[0]}")
    for model, data in itertools.product(trained, formats):
        named = ["--target", "y"] if data[0] in ("d.csv", "d.parquet") else []
        # Arrays have no names, so a model of theirs takes any columns of the right number.
        same_numbers(trained[model], evaluate(tmp_path, f"m.{model}", *data, *named))
    assert len({summary["cost"] for summary in trained.values()}) == 1


@pytest.mark.parametrize("extension", ["tsv", "tab", "txt", "TSV"])
def test_same_numbers_by_any_name_of_a_csv_file(tmp_path: Path, X: Rows, extension: str) -> None:
    path = write_csv(tmp_path / "d.csv", X, target("binary", X), [*NAMES, "y"])
    data = f"d.{extension}"
    (tmp_path / data).write_text(path.read_text().replace(",", "\t"))
    options = ["--target", "y", "--iterations", 30]
    expected = train(tmp_path, "d.csv", *options, "--validation", "d.csv")
    summary = train(tmp_path, data, *options, "--validation", data)
    for key in ("cost", "train_log_loss", "validation_log_loss"):
        assert summary[key] == expected[key], key
    same_numbers(summary, evaluate(tmp_path, "m", data))
    labels = ["--target", "y", "--labels", "y.npy"]
    assert here("convert", data, "X.npy", *labels, cwd=tmp_path).code == 0
    same_numbers(summary, evaluate(tmp_path, "m", "X.npy", "--labels", "y.npy"))


@pytest.mark.parametrize("name", ["planar", "breast_cancer", "digits"])
def test_same_numbers_on_built_in_data(tmp_path: Path, name: str) -> None:
    summary = train(tmp_path, name, "--iterations", 30)
    same_numbers(summary, evaluate(tmp_path, "m", name))
    assert summary["data"] == name


def test_numbers_are_those_of_scikit_learn(tmp_path: Path, X: Rows) -> None:
    for kind in ("binary", "multiclass"):
        y = target(kind, X)
        np.savez(tmp_path / "d.npz", X=X, y=y)
        train(tmp_path, "d.npz", "--iterations", 40)
        for what in ("labels", "proba"):
            option = [] if what == "labels" else ["--proba"]
            options = [*option, "--out", f"{what}.npy", "--device", "cpu"]
            assert here("predict", "m", "d.npz", *options, cwd=tmp_path).code == 0
        labels, proba = np.load(tmp_path / "labels.npy"), np.load(tmp_path / "proba.npy")
        evaluated = evaluate(tmp_path, "m", "d.npz")
        assert evaluated["examples"] == M
        assert evaluated["classes"] == np.unique(y).tolist()
        assert evaluated["accuracy"] == np.mean(labels == y)
        assert evaluated["baseline"] == np.bincount(y).max() / M
        assert evaluated["log_loss"] == pytest.approx(log_loss(y, proba), abs=1e-9)
        assert evaluated["confusion"] == confusion_matrix(y, labels).tolist()
        if kind == "binary":
            assert evaluated["auc"] == pytest.approx(roc_auc_score(y, proba[:, 1]), abs=1e-12)
        else:
            assert "auc" not in evaluated


def test_more_rows_than_one_batch(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    X = random.randn(150_000, 2).astype(np.float32)
    y = X[:, 0] + random.randn(len(X)) > 0
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    data = ["X.npy", "--labels", "y.npy"]
    summary = train(tmp_path, *data, "--iterations", 3, "--hidden", 4)
    same_numbers(summary, evaluate(tmp_path, "m", *data))
    assert summary["train_examples"] == 150_000


def test_labels_in_another_column_or_written_otherwise(tmp_path: Path, X: Rows) -> None:
    y = np.where(target("binary", X) == 1, "yes", "no").astype(object)
    write_csv(tmp_path / "d.csv", X, y, [*NAMES, "y"])
    summary = train(tmp_path, "d.csv", "--target", "y", "--iterations", 30)
    assert summary["train_confusion"] == evaluate(tmp_path, "m", "d.csv")["confusion"]
    write_csv(tmp_path / "renamed.csv", X[:, ::-1], y, [*NAMES[::-1], "answer"])
    same_numbers(summary, evaluate(tmp_path, "m", "renamed.csv", "--target", "answer"))
    write_csv(tmp_path / "flipped.csv", X, np.where(y == "yes", "no", "yes"), [*NAMES, "y"])
    flipped = evaluate(tmp_path, "m", "flipped.csv")
    assert flipped["accuracy"] == pytest.approx(1 - summary["train_accuracy"])
    assert flipped["auc"] == pytest.approx(1 - summary["train_auc"])

    y[17] = "perhaps"
    write_csv(tmp_path / "unknown.csv", X, y, [*NAMES, "y"])
    done = here("evaluate", "m", "unknown.csv", "--device", "cpu", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "among the classes of the model, 'no', 'yes', got 'perhaps'" in done.err


def test_text_says_what_json_says(tmp_path: Path, X: Rows) -> None:
    np.savez(tmp_path / "d.npz", X=X, y=target("binary", X))
    train(tmp_path, "d.npz", "--iterations", 30)
    facts = evaluate(tmp_path, "m", "d.npz")
    text = here("evaluate", "m", "d.npz", "--quiet", cwd=tmp_path).out
    for name in ("accuracy", "log_loss", "baseline", "auc"):
        assert f"{facts[name]:.6f}" in text
    for count in np.ravel(facts["confusion"]):
        assert str(count) in text


def test_several_labels_have_neither_classes_nor_baseline(tmp_path: Path, X: Rows) -> None:
    np.savez(tmp_path / "d.npz", X=X, y=target("multilabel", X))
    train(tmp_path, "d.npz", "--iterations", 5)
    facts = evaluate(tmp_path, "m", "d.npz")
    assert facts["classes"] is None
    assert not {"baseline", "confusion"} & set(facts)


def test_one_class_alone_has_no_auc(tmp_path: Path, X: Rows) -> None:
    y = target("binary", X)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    train(tmp_path, "d.npz", "--iterations", 30)
    np.savez(tmp_path / "ones.npz", X=X[y == 1], y=y[y == 1])
    facts = evaluate(tmp_path, "m", "ones.npz")
    assert facts["auc"] is None
    assert facts["confusion"][0] == [0, 0]
    done = here("evaluate", "m", "ones.npz", "--quiet", cwd=tmp_path)
    assert done.code == 0
    assert "AUC         one class\n" in done.out

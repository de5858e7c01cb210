"""Several columns as target: labels that do not exclude each other, or numbers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.columns import spool
from gdnet.data.files import iterate_table
from gdnet.data.labels.target_columns import output_names, target_columns
from gdnet.errors import DataError
from gdnet.model.file import load_model
from tests.support.command import here, train
from tests.support.table_files import read, write, write_parquet

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(300, 2)
LABELS = (X @ RANDOM.randn(2, 3) > 0).astype(int)
NUMBERS = X @ RANDOM.randn(2, 2) + [5, -70]


def csv_of(path: Path, names: str, *columns: Any) -> Path:
    rows = np.column_stack(columns).tolist()
    return write(path, "\n".join([names, *(",".join(map(repr, row)) for row in rows)]) + "\n")


@pytest.mark.parametrize(
    ("target", "columns", "found"),
    [
        (None, [], ()),
        ("a", ["a"], ("a",)),
        ("a,b", ["a", "b"], ("a", "b")),
        ("a,b", ["a", "a,b"], ("a,b",)),
        (' b , "a, mm"', [], ("b", "a, mm")),
        ('"a, mm"', ['"a, mm"'], ('"a, mm"',)),
        ('"a, mm"', ["a, mm"], ("a, mm",)),
        ("a, mm", ["a, mm"], ("a, mm",)),
    ],
)
def test_names(target: str | None, columns: list[str], found: tuple[str, ...]) -> None:
    assert target_columns(target, columns) == found


def test_names_of_outputs() -> None:
    assert output_names("a,b", 2) == ("a", "b")
    assert output_names("a,b", 1) is None
    assert output_names(None, 2) is None
    with pytest.raises(DataError, match="expected every target column once, got 'a,b,a'"):
        target_columns("a,b,a")


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, in_memory: bool
) -> None:
    monkeypatch.setattr(spool, "fits_in_memory", lambda size: in_memory)
    path = tmp_path / f"d.{suffix}"
    if suffix == "csv":
        csv_of(path, "p,a,q,b", LABELS[:, 0], X[:, 0], NUMBERS[:, 0], X[:, 1])
    else:
        write_parquet(path, p=LABELS[:, 0] == 1, a=X[:, 0], q=NUMBERS[:, 0], b=X[:, 1])
    table = read(path, np.float64, target="q,p")
    assert table.feature_names == ("a", "b")
    assert np.array_equal(table.X[:], X)
    expected = np.column_stack([NUMBERS[:, 0], LABELS[:, 0]])
    assert np.array_equal(table.target, expected)
    stream = iterate_table(path, target="q,p", features=["b"], dtype="float64", rows=7)
    assert np.array_equal(np.concatenate([target for _, target in stream]), expected)
    few = read(path, target="p,q", features=["a"])
    assert few.target.dtype == np.float64
    assert read(path, target="p,a", features=["b"]).target.shape == (300, 2)


def test_labels_take_a_byte(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "d.csv", "a,b,p,q,r", X, LABELS)
    assert read(path, target="p,q,r").target.dtype == np.uint8


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("p,s", "expected a target column 's'"),
        ("p,t", "expected a target column of numbers, got t \\(text such as 'x'\\)"),
        ("p,gap", "got 'NA' in line 3, column 'gap'; remove or fill in such rows, or leave"),
    ],
)
def test_what_is_no_target(tmp_path: Path, target: str, message: str) -> None:
    path = write(tmp_path / "d.csv", "a,p,gap,t\n1,0,0,x\n2,1,NA,y\n3,0,1,z\n")
    with pytest.raises(DataError, match=message):
        read(path, target=target)
    with pytest.raises(DataError, match="expected a target that is not a feature, got 'a'"):
        read(path, target="p,a", features=["a"])
    with pytest.raises(DataError, match="got 'p', which is the target"):
        read(path, target="p,a", ignore=["p"])


def test_labels_from_the_command_line(tmp_path: Path) -> None:
    csv_of(tmp_path / "d.csv", 'a,b,rain,"s, mm",t', X, LABELS)
    target = ("--target", 'rain,"s, mm",t')
    trained = train(tmp_path, "d.csv", *target, "--iterations", 200)
    assert (trained["kind"], trained["outputs"]) == ("multilabel", 3)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "Y.npy", LABELS)
    same = train(tmp_path, "X.npy", "--labels", "Y.npy", "--iterations", 200, out="n")
    assert same["cost"] == trained["cost"]
    assert load_model(tmp_path / "m").target_name == 'rain,"s, mm",t'
    evaluated = here("evaluate", "m", "d.csv", "--json", "--quiet", cwd=tmp_path).json
    assert evaluated["macro_auc"] == trained["train_macro_auc"]
    done = here("predict", "m", "d.csv", "--proba", "--quiet", cwd=tmp_path)
    header, *rows = csv.reader(io.StringIO(done.out))
    assert header == ["probability_rain", "probability_s, mm", "probability_t"]
    assert len(rows) == 300
    done = here("convert", "d.csv", "C.npy", *target, "--labels", "L.npy", cwd=tmp_path)
    assert done.code == 0
    assert np.array_equal(np.load(tmp_path / "L.npy"), LABELS)
    done = here("train", "d.csv", "--target", "a,rain", "--out", "o", cwd=tmp_path)
    assert done.code == 2
    assert "expected 0 or 1, got" in done.err
    assert "choose --task regression" in done.err


def test_numbers_from_the_command_line(tmp_path: Path) -> None:
    csv_of(tmp_path / "d.csv", "a,b,u,v", X, NUMBERS)
    options = ("--task", "regression", "--iterations", 300, "--learning-rate", 0.3)
    trained = train(tmp_path, "d.csv", "--target", "u,v", "--validation", "d.csv", *options)
    assert trained["outputs"] == 2
    assert min(trained["train_r2_of_each"]) > 0.99
    assert trained["validation_r2"] == trained["train_r2"]
    done = here("predict", "m", "d.csv", "--quiet", cwd=tmp_path)
    assert done.out.startswith("prediction_u,prediction_v\n")


def test_numbers_to_be_predicted_are_named_in_the_scores(tmp_path: Path) -> None:
    rows = [f"{k / 9},{k % 5},{2 * k},{k - 3}" for k in range(30)]
    write(tmp_path / "d.csv", "\n".join(["a,b,rain in millimetres,snow", *rows]) + "\n")
    words = ["d.csv", "--target", "rain in millimetres,snow", "--device", "cpu"]
    trained = here("train", *words, "--task", "regression", "--iterations", 20, "--out", "m",
                   "--learning-rate", 0.1, cwd=tmp_path)  # fmt: skip
    evaluated = here("evaluate", "m", "d.csv", "--device", "cpu", cwd=tmp_path)
    for done in (trained, evaluated):
        assert done.code == 0, done.err
        lines = done.out.partition("each target")[2].splitlines()
        assert [line.split("  ")[0] for line in lines[1:4]] == [
            "target", "rain in millimetres", "snow",
        ]  # fmt: skip

"""A user's mistake in what is trained on and how: one clear sentence, and no file touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdnet.data.formats import FOLDER_NAMES, TABLE_NAMES
from tests.support.mistakes import refused

TRAIN_DATA = [
    ("nothing.csv --target y", "nothing.csv: expected a file, got none"),
    ("nothing", "nothing: expected a file, or one of the built-in data sets planar"),
    ("data.dat", "data.dat: expected --target COLUMN or --labels FILE.npy, got neither"),
    ("data.csv.gz --target y", "data.csv.gz: expected a complete .gz file, got one that is dam"),
    ("data.npy.zst --labels labels.npy", "got .zst; decompress it first"),
    ("empty.csv --target y", "empty.csv: expected data, got an empty file"),
    ("empty.npy --labels labels.npy", "empty.npy: expected data, got an empty file"),
    ("header.csv --target y", "header.csv: expected rows below the header line"),
    (
        "folder.csv --target y",
        f"folder.csv: expected a file, or a folder of {FOLDER_NAMES} files",
    ),
    ("ragged.csv --target y", "ragged.csv: expected 4 cells in line 11", "got 3"),
    ("word.csv --target y", "numbers, got 'two' in line 11, column 'b'", "--ignore b"),
    ("with_nan.csv --target y --missing error", "got 'nan' in line 11, column 'b'"),
    ("with_inf.csv --target y", "got 'inf' in line 11, column 'b'"),
    ("with_hole.csv --target y --missing error", "got an empty cell in line 11, column 'b'"),
    ("with_nan.npy --labels labels.npy", "with_nan.npy: ", "got nan in row 7, column 2"),
    ("with_inf.npy --labels labels.npy", "with_inf.npy: ", "got -inf in row 7, column 2"),
    ("with_nan.npz", "with_nan.npz: ", "got nan in row 7, column 2"),
    ("with_inf.npz", "with_inf.npz: ", "got -inf in row 7, column 2"),
    ("good.csv", "expected --target COLUMN", "'a', 'b', 'c', 'y'"),
    ("good.csv --target z", "expected a target column 'z', got columns 'a', 'b', 'c', 'y'"),
    ("good.csv --target y --labels labels.npy", "--labels: not allowed with argument --target"),
    ("good.npz --target y", "good.npz: expected --labels FILE.npy, got --target y"),
    ("good.npy", "good.npy: expected --labels FILE.npy with one label a row"),
    ("no_y.npz", "no_y.npz: expected an array y in the file or --labels FILE.npy"),
    ("good.npy --labels short_labels.npy", "short_labels.npy: ", "40 rows", "got 39 labels"),
    ("good.npy --labels nothing.npy", "nothing.npy: expected a file, got none"),
    ("good.npy --labels objects.npy", "objects.npy: "),
    ("objects.npy --labels labels.npy", "objects.npy: "),
    ("objects.npz", "objects.npz: "),
    ("truncated.npy --labels labels.npy", "truncated.npy: expected a complete .npy file"),
    ("truncated.npz", "truncated.npz: expected a complete .npz archive"),
    ("one_class.npz", "at least 2 classes, got one class only, 0, in all 40 rows"),
    (
        "good.csv --target a",
        "this looks like a quantity; to predict a number choose --task regression",
    ),
    ("no_features.npz", "no_features.npz: expected at least 1 feature column, got shape (40, 0)"),
    ("no_features.npy --labels labels.npy", "expected at least 1 feature column"),
    ("flat.npy --labels labels.npy", "one example a row, got shape (40,)"),
    ("breast_cancer --target y", "breast_cancer is built in and has its labels"),
    ("good.csv --target y --ignore d", "a column to ignore 'd', got columns 'a', 'b', 'c', 'y'"),
    ("good.csv --target y --ignore y", "got 'y', which is the target; ignore others"),
    ("good.csv --target y --ignore a,b --ignore c", "besides the target, got a (as asked), b"),
    ("good.csv --labels labels.npy --ignore a,", "expected a column to ignore ''"),
    ("good.csv --target y --ignore a\nb", "expected names of columns, got 'a\\nb'"),
    ("good.npz --ignore a,b", f"good.npz: expected a {TABLE_NAMES} file with --ignore a,b"),
    ("good.npy --labels labels.npy --ignore a", f"good.npy: expected a {TABLE_NAMES} file"),
    ("breast_cancer --ignore a", "breast_cancer is built in and has only features"),
]


@pytest.mark.parametrize(("arguments", "said"), [(data, said) for data, *said in TRAIN_DATA])
def test_data_to_train_on(mistakes: Path, arguments: str, said: list[str]) -> None:
    refused(mistakes, f"train {arguments} --device cpu --out new --history new.jsonl", *said)


TRAIN_SETTINGS = [
    ("--hidden 0", "--hidden: expected a whole number from 1 to", "got '0'"),
    ("--hidden 100000000000000000000", "--hidden: expected a whole number from 1 to"),
    ("--hidden two", "--hidden: expected a whole number", "got 'two'"),
    ("--learning-rate -1", "--learning-rate: expected a finite number above 0, got '-1'"),
    ("--learning-rate nan", "--learning-rate: expected a finite number above 0, got 'nan'"),
    ("--learning-rate 0", "--learning-rate: expected a finite number above 0, got '0'"),
    ("--iterations 0", "--iterations: expected a whole number of at least 1, got '0'"),
    ("--tol -1", "--tol: expected a finite number of at least 0"),
    ("--l2 inf", "--l2: expected a finite number of at least 0, got 'inf'"),
    ("--init-scale -1", "--init-scale: expected a finite number of at least 0"),
    ("--init-scale 1e300", "expected an init scale that gives finite float32 weights, got 1e+300"),
    ("--seed 4294967296", "--seed: expected a whole number from 0 to 4294967295"),
    ("--seed -1", "--seed: expected a whole number from 0"),
    ("--dtype float16", "--dtype: invalid choice: 'float16'"),
    ("--block-size 0", "--block-size: expected a whole number of at least 1"),
    ("--threads 0", "--threads: expected a whole number of at least 1"),
    ("--class-weight heavy", "--class-weight: invalid choice: 'heavy'"),
    ("--activation swish9", "swish9", "tanh"),
    ("--device gpu", "unknown device 'gpu': choose auto, cpu, cuda or cuda:N"),
    ("--nonsense", "unrecognized arguments: --nonsense"),
    ("--iter 3", "unrecognized arguments: --iter"),
    ("--validation 2", "expected --validation FILE or a fraction above 0 and below 1, got 2"),
    ("--validation 0", "a fraction above 0 and below 1, got 0"),
    ("--validation -0.5", "a fraction above 0 and below 1, got -0.5"),
    ("--validation nan", "a fraction above 0 and below 1, got nan"),
    ("--validation 0.001", "of every class, to train on, got 0.001 of 40 rows"),
    ("--validation nothing.csv", "nothing.csv: expected a file, got none"),
    ("--validation good.npz --validation-labels short_labels.npy", "got 39 labels"),
    ("--validation wide.npy --validation-labels labels.npy", "expected 3 feature columns", "got 4"),
    ("--validation other.csv", "other.csv: expected a feature column 'c', got columns 'a', 'b'"),
    ("--validation three_classes.npz", "among the classes of the model, 0, 1, got 2"),
    ("--validation no_y.npz", "no_y.npz: "),
    ("--validation good.npy", "good.npy: expected --validation-labels FILE with"),
    ("--validation data.csv.gz", "data.csv.gz: expected a complete .gz file"),
    ("--validation-labels labels.npy", "expected --validation FILE with --validation-labels"),
    ("--validation 0.2 --validation-labels labels.npy", "expected --validation FILE", "0.2"),
    ("--out folder.csv", "folder.csv: expected the name of a file to write, but it is a folder"),
    ("--out /dev/null", "/dev/null: expected the name of a file", "not a regular file"),
    ("--out missing/model", "missing/model: the folder", "does not exist; create it first"),
    ("--out=", "expected the name of a file to write, got an empty one"),
    ("--history folder.csv", "folder.csv: expected the name of a file to write"),
    ("--history missing/h.jsonl", "missing/h.jsonl: the folder", "does not exist"),
    ("--out same --history same", "same: expected files of their own for --out and --history"),
    ("--out good.csv", "good.csv: expected files of their own for DATA and --out"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), [(settings, said) for settings, *said in TRAIN_SETTINGS]
)
def test_settings_to_train_with(mistakes: Path, arguments: str, said: list[str]) -> None:
    out = "" if "--out" in arguments else " --out new"
    device = "" if "--device" in arguments else " --device cpu"
    refused(mistakes, f"train good.csv --target y {arguments}{out}{device}", *said)

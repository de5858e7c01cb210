"""A user's mistake: exit code 2, one clear sentence, no traceback, and no file touched."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file, safe_open, save_file

from gdnet.cli.main import main
from gdnet.data.formats import FOLDER_NAMES, TABLE_NAMES
from tests.support.command import Done, gdnet, here, snapshot, write_csv

M = 40
NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad files, and a model; every test leaves it as it is."""
    folder = tmp_path_factory.mktemp("mistakes")
    random = np.random.RandomState(0)
    X = random.randn(M, 3)
    y = np.arange(M) % 2

    write_csv(folder / "good.csv", X, y, [*NAMES, "y"])
    write_csv(folder / "other.csv", X, y, ["a", "b", "d", "y"])
    np.savez(folder / "good.npz", X=X, y=y)
    np.save(folder / "good.npy", X)
    np.save(folder / "labels.npy", y)

    (folder / "empty.csv").touch()
    (folder / "empty.npy").touch()
    (folder / "header.csv").write_text("a,b,c,y\n")
    (folder / "folder.csv").mkdir()
    for name in ("data.dat", "data.csv.gz", "data.npy.zst"):
        (folder / name).write_text("a\n1\n")
    lines = (folder / "good.csv").read_text().splitlines()
    (folder / "ragged.csv").write_text("\n".join([*lines[:10], "1,2,3", *lines[10:]]))
    (folder / "word.csv").write_text("\n".join([*lines[:10], "1,two,3,0", *lines[10:]]))
    for word in ("nan", "inf", ""):
        changed = "\n".join([*lines[:10], f"1,{word},3,0", *lines[10:]])
        (folder / f"with_{word or 'hole'}.csv").write_text(changed)
    for name, value in (("nan", np.nan), ("inf", -np.inf)):
        wrong = X.copy()
        wrong[7, 2] = value
        np.save(folder / f"with_{name}.npy", wrong)
        np.savez(folder / f"with_{name}.npz", X=wrong, y=y)

    np.savez(folder / "one_class.npz", X=X, y=np.zeros(M, int))
    np.savez(folder / "three_classes.npz", X=X, y=np.arange(M) % 3)
    np.savez(folder / "no_y.npz", X=X)
    np.savez(folder / "no_features.npz", X=X[:, :0], y=y)
    np.save(folder / "no_features.npy", X[:, :0])
    np.save(folder / "flat.npy", X[:, 0])
    np.save(folder / "wide.npy", random.randn(M, 4))
    np.save(folder / "short_labels.npy", y[:-1])
    np.save(folder / "objects.npy", np.array([{"a": 1}] * M), allow_pickle=True)
    np.savez(folder / "objects.npz", X=np.array([["1", 2]] * M, object), y=y)
    whole = (folder / "good.npy").read_bytes()
    (folder / "truncated.npy").write_bytes(whole[: len(whole) // 2])
    (folder / "truncated.npz").write_bytes((folder / "good.npz").read_bytes()[:200])

    train = ["train", "good.csv", "--target", "y", "--iterations", 3, "--out", "model"]
    assert here(*train, cwd=folder).code == 0
    train = ["train", "good.npz", "--iterations", 3, "--out", "unnamed_model"]
    assert here(*train, cwd=folder).code == 0
    model = (folder / "model").read_bytes()
    (folder / "truncated_model").write_bytes(model[:-10])
    (folder / "empty_model").touch()
    arrays = load_file(folder / "model")
    with safe_open(folder / "model", "np") as file:
        header = file.metadata()["gdnet"]
    later = header.replace('"format_version": 1', '"format_version": 2')
    assert later != header
    save_file(arrays, folder / "later_model", {"gdnet": later})
    save_file(arrays, folder / "foreign_model")
    return folder


def refused(folder: Path, arguments: str, *said: str, command: Callable[..., Done] = here) -> None:
    before = snapshot(folder)
    done = command(*arguments.split(" "), cwd=folder)
    assert done.code == 2, done
    assert done.out == ""
    assert "Traceback" not in done.err
    lines = done.err.splitlines()
    if lines[0].startswith("usage: gdnet"):
        name = arguments.split(" ")[0]
        assert lines[-1].startswith((f"gdnet {name}: error: ", "gdnet: error: "))
    else:
        assert len(lines) == 1, done.err
        assert lines[0].startswith("gdnet: ")
    for words in said:
        assert words in lines[-1]
    assert snapshot(folder) == before


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
def test_data_to_train_on(folder: Path, arguments: str, said: list[str]) -> None:
    refused(folder, f"train {arguments} --device cpu --out new --history new.jsonl", *said)


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
def test_settings_to_train_with(folder: Path, arguments: str, said: list[str]) -> None:
    out = "" if "--out" in arguments else " --out new"
    device = "" if "--device" in arguments else " --device cpu"
    refused(folder, f"train good.csv --target y {arguments}{out}{device}", *said)


SAVED_MODEL = [
    ("predict nothing good.csv", "nothing: expected a model file, but it does not exist"),
    ("predict folder.csv good.csv", "folder.csv: expected a model file, but it is a folder"),
    ("predict empty_model good.csv", "empty_model: expected a gdnet model file"),
    ("evaluate truncated_model good.csv", "truncated_model: expected a gdnet model file"),
    ("info truncated_model", "truncated_model: expected a gdnet model file"),
    ("info good.npy", "good.npy: expected a gdnet model file"),
    ("info later_model", "expected model format version 1, got 2; update gdnet"),
    ("predict foreign_model good.csv", "foreign_model: ", "got another safetensors file"),
    ("predict model other.csv", "other.csv: expected a feature column 'c'"),
    ("predict model wide.npy", "wide.npy: expected 3 feature columns", "got 4"),
    ("predict unnamed_model wide.npy", "wide.npy: the model takes 3 features, got 4"),
    ("predict model breast_cancer", "breast_cancer: the model takes 3 features, got 30"),
    ("predict model with_nan.csv", "got 'nan' in line 11, column 'b'"),
    ("predict model data.csv.gz", "data.csv.gz: expected a complete .gz file"),
    ("evaluate model data.csv.gz", "data.csv.gz: expected a complete .gz file"),
    ("predict model nothing.csv", "nothing.csv: expected a file, got none"),
    ("predict model good.csv --proba --logits", "--logits: not allowed with argument --proba"),
    ("predict model good.csv --out missing/p.csv", "missing/p.csv: the folder"),
    ("predict model good.csv --out folder.csv", "folder.csv: expected the name of a file"),
    ("evaluate model other.csv", "expected a feature column 'c'"),
    ("evaluate model good.csv --target z", "expected a target column 'z'"),
    ("evaluate unnamed_model good.csv", "expected --target COLUMN or --labels FILE.npy"),
    ("evaluate model good.npy", "good.npy: expected --labels FILE.npy with one label a row"),
    ("evaluate model good.npy --labels short_labels.npy", "got 39 labels"),
    ("evaluate unnamed_model three_classes.npz", "among the classes of the model, 0, 1, got 2"),
    ("evaluate model breast_cancer --target y", "breast_cancer is built in and has its labels"),
]


@pytest.mark.parametrize(("arguments", "said"), [(a, said) for a, *said in SAVED_MODEL])
def test_saved_model_and_its_data(folder: Path, arguments: str, said: list[str]) -> None:
    device = "" if arguments.startswith("info") else " --device cpu"
    refused(folder, arguments + device, *said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("nonsense", "invalid choice: 'nonsense'"),
        ("gradcheck --activation nonsense", "nonsense"),
        ("bench --devices gpu", "unknown device 'gpu'"),
        ("bench --devices auto", "expected names of devices"),
        ("bench --m 0", "--m: expected a whole number from 1"),
        ("bench --m 1.5", "--m: expected a whole number from 1"),
        ("bench --m 10,", "--m: expected a whole number from 1"),
        ("bench --dtype float16", "choose from float32, float64; got 'float16'"),
        ("bench --devices cpu --m 10 --json no/such/folder/b.json", "no/such/folder"),
        ("gradcheck --seed 4294967296", "--seed: expected a whole number from 0 to 4294967295"),
    ],
)
def test_command_itself(folder: Path, arguments: str, said: str) -> None:
    before = snapshot(folder)
    done = here(*arguments.split(), cwd=folder)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert said in done.err.splitlines()[-1]
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "train truncated.npz --out new --device cpu",
            "truncated.npz: expected a complete .npz archive",
        ),
        ("train good.npz --hidden 0", "--hidden: expected a whole number from 1 to"),
        ("predict model with_nan.csv --device cpu", "got 'nan' in line 11, column 'b'"),
        ("info later_model", "expected model format version 1, got 2; update gdnet"),
        ("nonsense", "invalid choice: 'nonsense'"),
        *(
            pytest.param(*other, marks=pytest.mark.slow)
            for other in (
                ("evaluate model good.npy --device cpu", "expected --labels FILE.npy"),
                ("convert word.csv new.npy", "got 'two' in line 11, column 'b'"),
                ("plot costs good.npy", "it is not text"),
                ("gradcheck --activation nonsense", "nonsense"),
                ("bench --devices gpu", "unknown device 'gpu'"),
            )
        ),
    ],
)
def test_command_in_a_process_of_its_own(folder: Path, arguments: str, said: str) -> None:
    refused(folder, arguments, said, command=gdnet)


def test_folder_without_permission_to_write(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (closed := folder / "folder.csv").chmod(0o500)
    if os.geteuid() == 0:  # who may write everywhere

        def access(path: str | Path, mode: int) -> bool:
            return not (Path(path) == closed.resolve() and mode & os.W_OK)

        monkeypatch.setattr("gdnet.atomic.os.access", access)
    monkeypatch.chdir(folder)
    before = snapshot(folder)
    train = "train good.npz --device cpu --out folder.csv/model --history folder.csv/h"
    assert main(train.split()) == 2
    said = f"gdnet: folder.csv/model: no permission to write in the folder {closed.resolve()}\n"
    assert capsys.readouterr().err == said
    assert snapshot(folder) == before


def test_name_that_is_too_long(folder: Path) -> None:
    refused(folder, f"train good.npz --device cpu --out {'m' * 300}", "cannot be written")
    refused(folder, f"info {'m' * 300}", "cannot be read")


def test_history_that_cannot_be_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(*_mode: str, **_options: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("gdnet.cli.history.Path", lambda path: SimpleNamespace(open=denied))
    monkeypatch.chdir(folder)
    before = snapshot(folder)
    train = "train good.npz --device cpu --out new --history closed.jsonl"
    assert main(train.split()) == 2
    said = "gdnet: closed.jsonl: cannot be written: Permission denied\n"
    assert capsys.readouterr().err == said
    assert snapshot(folder) == before

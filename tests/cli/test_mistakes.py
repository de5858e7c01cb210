"""A user's mistake: exit code 2, one clear sentence, no traceback, and no file touched."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from gdnet.cli.main import main
from tests.support.command import gdnet, here, snapshot
from tests.support.mistakes import refused

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
def test_saved_model_and_its_data(mistakes: Path, arguments: str, said: list[str]) -> None:
    device = "" if arguments.startswith("info") else " --device cpu"
    refused(mistakes, arguments + device, *said)


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
def test_command_itself(mistakes: Path, arguments: str, said: str) -> None:
    before = snapshot(mistakes)
    done = here(*arguments.split(), cwd=mistakes)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert said in done.err.splitlines()[-1]
    assert snapshot(mistakes) == before


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
def test_command_in_a_process_of_its_own(mistakes: Path, arguments: str, said: str) -> None:
    refused(mistakes, arguments, said, command=gdnet)


def test_folder_without_permission_to_write(
    mistakes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (closed := mistakes / "folder.csv").chmod(0o500)
    if os.geteuid() == 0:  # who may write everywhere

        def access(path: str | Path, mode: int) -> bool:
            return not (Path(path) == closed.resolve() and mode & os.W_OK)

        monkeypatch.setattr("gdnet.atomic.os.access", access)
    monkeypatch.chdir(mistakes)
    before = snapshot(mistakes)
    train = "train good.npz --device cpu --out folder.csv/model --history folder.csv/h"
    assert main(train.split()) == 2
    said = f"gdnet: folder.csv/model: no permission to write in the folder {closed.resolve()}\n"
    assert capsys.readouterr().err == said
    assert snapshot(mistakes) == before


def test_name_that_is_too_long(mistakes: Path) -> None:
    refused(mistakes, f"train good.npz --device cpu --out {'m' * 300}", "cannot be written")
    refused(mistakes, f"info {'m' * 300}", "cannot be read")


def test_history_that_cannot_be_opened(
    mistakes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(*_mode: str, **_options: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("gdnet.cli.history.Path", lambda path: SimpleNamespace(open=denied))
    monkeypatch.chdir(mistakes)
    before = snapshot(mistakes)
    train = "train good.npz --device cpu --out new --history closed.jsonl"
    assert main(train.split()) == 2
    said = "gdnet: closed.jsonl: cannot be written: Permission denied\n"
    assert capsys.readouterr().err == said
    assert snapshot(mistakes) == before

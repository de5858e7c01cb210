"""``gdnet export --check``: what runtimes make of a file, and what to set in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet._typing import HostArray
from gdnet.export.onnx import save_onnx
from gdnet.export.onnx.check import Comparison, at_their_best, compare, cures, made_up_rows
from gdnet.export.onnx.runtimes import RUNTIMES, Run, Runtime
from gdnet.model.file import save_model
from gdnet.model.model import Model
from tests.support.command import Done, here, train
from tests.support.exported_models import KINDS, model_of, rows

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

ORT = RUNTIMES[0]


def changed(
    change: Callable[[list[HostArray]], list[HostArray]], name: str = "made up", **facts: Any
) -> Runtime:
    """A runtime that gives what ONNX Runtime gives, but for a change."""

    def load(path: str) -> Run:
        run = ORT.load(path)
        return lambda X: change(run(X))

    return Runtime(name, "numpy", load, **facts)


def off_by(error: float) -> Callable[[list[HostArray]], list[HostArray]]:
    return lambda outputs: [*outputs[:-1], outputs[-1] + np.float32(error)]


def checked(
    tmp_path: Path, model: Model, runtime: Runtime, labels: str | None = None
) -> Comparison:
    save_onnx(model, tmp_path / "m.onnx", labels=labels)
    blocks = [rows(50), rows(30)]
    (found,) = compare(tmp_path / "m.onnx", model, blocks, labels, [runtime])
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [None, "text", "codes", "none"])
def test_those_that_are_installed_agree(tmp_path: Path, kind: str, labels: str | None) -> None:
    if (kind, labels) == ("multilabel", "text"):
        return
    for runtime in RUNTIMES[:2]:
        assert runtime.installed
        found = checked(tmp_path, model_of(kind), runtime, labels)
        assert (found.rows, found.other_labels, found.problem) == (80, 0, None)
        assert found.difference < 1e-6
        assert not found.is_wrong


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [None, "codes", "none"])
def test_what_is_wrong_is_found(tmp_path: Path, kind: str, labels: str | None) -> None:
    found = checked(tmp_path, model_of(kind), changed(off_by(0.01)), labels)
    assert found.difference == pytest.approx(0.01, rel=1e-3)
    assert found.is_wrong

    if labels != "none":

        def others(outputs: list[HostArray]) -> list[HostArray]:
            label = outputs[0].copy()
            label[-2:] = 1 - label[-2:] if label.dtype.kind == "i" else "?"
            return [label, *outputs[1:]]

        found = checked(tmp_path, model_of(kind), changed(others), labels)
        assert found.other_labels == 4  # two of each block
    else:
        flipped = changed(lambda outputs: [1 - outputs[0]])
        assert checked(tmp_path, model_of(kind), flipped, labels).other_labels > 40


def test_nan_is_wrong_whenever_it_comes(tmp_path: Path) -> None:
    calls = iter((np.nan, 0.0))
    found = checked(tmp_path, model_of("binary"), changed(lambda o: off_by(next(calls))(o)))
    assert np.isnan(found.difference)
    assert found.is_wrong


def test_why_a_file_is_not_run(tmp_path: Path) -> None:
    def refuse(path: str) -> Run:
        raise ValueError(f"no such type\n{path}")

    def fail(_: list[HostArray]) -> list[HostArray]:
        raise MemoryError

    found = checked(tmp_path, model_of("binary"), Runtime("r", "numpy", refuse))
    assert (found.problem, found.rows, found.is_wrong) == ("ValueError: no such type", 0, False)
    assert checked(tmp_path, model_of("binary"), changed(fail)).problem == "MemoryError"
    wrong_shape = changed(lambda outputs: [each[:1] for each in outputs])
    problem = checked(tmp_path, model_of("binary"), wrong_shape).problem
    assert problem is not None
    assert "reshape" in problem
    assert (
        compare(
            tmp_path / "m.onnx", model_of("binary"), [], None, [Runtime("x", "no_such", refuse)]
        )
        == []
    )


def test_a_default_that_costs_digits_is_named_with_its_cure(tmp_path: Path) -> None:
    model = model_of("binary")
    save_onnx(model, tmp_path / "m.onnx")
    cure = "set it"
    for error, set_error, expected in (
        (1e-2, 1e-7, ["made up: set it"]),
        (np.nan, 1e-7, ["made up: set it"]),
        (1e-7, 1e-7, []),  # a processor without bf16
        (1e-2, 1e-2, []),  # it would not help
    ):
        pair = [
            changed(off_by(error), cure=cure),
            changed(off_by(set_error), setting="f32"),
            changed(off_by(0.5), name="other"),
        ]
        found = compare(tmp_path / "m.onnx", model, [rows(50)], None, pair)
        assert cures(found) == expected
        best = at_their_best(found)
        assert {name for name, each in best.items() if each.is_wrong} == (
            {"other"} | ({"made up"} if set_error > 1e-3 else set())
        )


def test_openvino_has_a_cure() -> None:
    (default,) = (each for each in RUNTIMES if each.cure)
    assert (default.name, default.setting) == ("OpenVINO", "")
    assert "{'INFERENCE_PRECISION_HINT': 'f32'}" in default.cure


def test_made_up_rows_are_near_the_mean(tmp_path: Path) -> None:
    X = np.random.RandomState(0).randn(500, 3) * [1e-3, 1, 1e4] + [5, 0, 1e6]
    np.savez(tmp_path / "d.npz", X=X, y=(X[:, 0] > 5).astype(int))
    train(tmp_path, "d.npz", "--iterations", 50)
    from gdnet.model.file import load_model

    made_up = made_up_rows(load_model(tmp_path / "m"), 2000).astype(np.float64)
    assert made_up.shape == (2000, 3)
    np.testing.assert_allclose(made_up.mean(axis=0), X.mean(axis=0), rtol=1e-2, atol=0.1)
    ratio = made_up.std(axis=0) / X.std(axis=0)
    assert (ratio > 0.1).all()
    assert (ratio < 10).all()
    silent = replace(
        model_of("binary"),
        parameters=model_of("binary").parameters._replace(W1=np.zeros((7, 5), np.float32)),
    )
    assert np.isfinite(made_up_rows(silent)).all()


# --- the command ------------------------------------------------------------------------------


def check(folder: Path, *words: str) -> Done:
    return here("export", "m", "m.onnx", "--check", *words, cwd=folder)


def test_command_shows_what_each_runtime_computes(tmp_path: Path) -> None:
    train(tmp_path, "breast_cancer", "--hidden", 8, "--iterations", 100)
    for words, heading in (
        (("breast_cancer",), "569 rows of breast_cancer"),
        ((), "1,000 made-up rows"),
    ):
        done = check(tmp_path, *words)
        assert (done.code, done.err) == (0, "")
        assert heading in done.out.splitlines()
        for name in ("ONNX Runtime", "onnx.reference"):
            (line,) = (each for each in done.out.splitlines() if each.startswith(name))
            version, difference, other = line.removeprefix(name).split()
            assert version[0].isdigit()
            assert float(difference) < 1e-6
            assert other == "0"


def test_command_says_what_is_wrong_and_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> Run:
        raise ValueError("no text here")

    save_model(model_of("binary"), tmp_path / "m")
    runtimes = (
        changed(off_by(0.5), "one", cure="set it"),
        changed(off_by(0.0), "one", setting="set"),
        Runtime("two", "numpy", refuse),
    )
    monkeypatch.setattr("gdnet.export.onnx.check.RUNTIMES", runtimes)
    done = check(tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "does not run it: ValueError: no text here" in done.out
    assert "one: set it" in done.out
    assert "--labels codes" in done.out
    assert "--labels codes" not in check(tmp_path, "--labels", "none").out

    monkeypatch.setattr("gdnet.export.onnx.check.RUNTIMES", runtimes[:1])
    done = check(tmp_path)
    assert done.code == 1
    assert (
        "one: expected the probabilities of gdnet predict, got others by up to 5.0e-01" in done.err
    )


def test_mistakes(tmp_path: Path) -> None:
    save_model(model_of("binary"), tmp_path / "m")
    done = here("export", "m", "m.h", "--check", cwd=tmp_path)
    assert done.code == 2
    assert "expected --check with a .onnx file, got m.h" in done.err
    assert check(tmp_path, "none.csv").code == 2
    np.save(tmp_path / "wide.npy", np.zeros((3, 6)))
    done = check(tmp_path, "wide.npy")
    assert done.code == 2
    assert "expected 5 feature columns" in done.err

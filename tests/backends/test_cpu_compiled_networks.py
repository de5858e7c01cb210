"""The engine "compiled": which networks it is made for, and where it is taken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import cpu_library
from gdnet.backends.cpu import CpuBackend
from gdnet.backends.cpu_compiled import (
    ACTIVATIONS,
    MAX_FEATURES,
    MAX_HIDDEN,
    MAX_OUTPUTS,
    MAX_WEIGHTS,
    OUTPUTS,
)
from gdnet.backends.cpu_library import VARIABLE, find_library
from gdnet.errors import DataError
from gdnet.parameters import Parameters
from tests.support.checkout import ROOT
from tests.support.compiled_engine import found, full_batch, needs_kernels, on_host, start


def test_auto_takes_it_by_shape_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    reference: Any = None

    def engine(n0: int, n1: int, **settings: Any) -> str:
        made: dict[str, Any] = {"engine": "auto", "g1": "tanh", "g2": "sigmoid"}
        shape = (n0, n1, settings.pop("n2", 1))
        return (
            CpuBackend()
            .block_gradient(reference, shape=shape, dtype=np.float32, **made | settings)
            .name
        )

    there = "reference" if isinstance(found, str) else "compiled"
    assert engine(2, 4) == engine(28, 128) == there
    assert engine(784, 256) == engine(MAX_FEATURES, MAX_WEIGHTS // MAX_FEATURES + 1) == "reference"
    assert engine(2, 4, n2=3) == engine(64, 64, n2=MAX_OUTPUTS, g2="softmax") == there
    assert engine(2, 4, g1="gelu") == engine(2, 4, n2=MAX_OUTPUTS + 1) == "reference"
    assert engine(2, 4, engine="reference") == "reference"
    for asked in ({"g1": "gelu"}, {"n2": MAX_OUTPUTS + 1}):
        with pytest.raises(DataError, match="engine 'compiled': "):
            engine(2, 4, engine="compiled", **asked)
    for n0, n1 in ((MAX_FEATURES + 1, 4), (4, MAX_HIDDEN + 1)):
        with pytest.raises(DataError, match="engine 'compiled': "):
            engine(n0, n1, engine="compiled")
    monkeypatch.setattr("gdnet.backends.cpu.find_library", lambda: "it was not compiled")
    assert engine(2, 4) == "reference"
    with pytest.raises(DataError, match="'compiled': it was not compiled; choose 'auto'"):
        engine(2, 4, engine="compiled")


@needs_kernels
def test_the_largest_network_that_it_is_made_for() -> None:
    shape = (MAX_FEATURES, MAX_HIDDEN)
    p = start(shape, "float32")
    J, gradients = full_batch(shape, 60, "float32").value_and_gradient(p)
    reference = full_batch(shape, 60, "float32", engine="reference")
    expected, true = reference.value_and_gradient(p)
    assert float(J) == pytest.approx(float(expected), rel=1e-5)
    dW1, expected_dW1 = on_host((gradients.dW1, true.dW1))
    np.testing.assert_allclose(dW1, expected_dW1, rtol=0, atol=1e-5)


@needs_kernels
@pytest.mark.parametrize("shape", [(2, 4), (28, 40)])
def test_parameters_are_read_in_the_dtype_of_the_objective(shape: tuple[int, int]) -> None:
    of, p = full_batch(shape, 300, "float32"), start(shape, "float64")
    expected = Parameters(*(a.astype(np.float32) for a in p))
    J, gradients = of.value_and_gradient(expected)
    for other in (p, Parameters(*(np.asfortranarray(a.repeat(2, 1))[:, ::2] for a in expected))):
        cost, found = of.value_and_gradient(other)
        assert cost == J == of.value(other)
        for one, same in zip(found, gradients, strict=True):
            np.testing.assert_array_equal(one, same)
        J_step, after = of.step(other, of.scalar(0.5))
        assert J_step == J
        assert after.W1.dtype == np.float32
    small = start((shape[0], shape[1] - 1), "float32")
    for call in (of.value, of.value_and_gradient):
        with pytest.raises(DataError, match="parameters: expected the shapes"):
            call(small)


@needs_kernels
def test_descend_is_for_a_single_block_without_l2() -> None:
    for of in (full_batch((2, 4), 300, block_columns=100), full_batch((2, 4), 300, l2=1.0)):
        assert not of.descends
        with pytest.raises(DataError, match="an objective that descends"):
            of.descend(start((2, 4)), np.asarray(0.5), 3)


@pytest.mark.sources
@pytest.mark.parametrize(
    ("file", "enum", "known"),
    [("activations.hpp", "G1", ACTIVATIONS), ("outputs.hpp", "G2", OUTPUTS)],
)
def test_names_have_the_numbers_of_the_kernels(file: str, enum: str, known: dict[str, int]) -> None:
    text = (ROOT / "backends" / "cpu_kernel" / file).read_text()
    names = re.search(rf"enum {enum} \{{ (.*) \}};", text)
    assert names is not None
    assert names[1].lower().replace("_output", "").split(", ") == list(known)
    assert list(known.values()) == list(range(len(known)))


@pytest.mark.sources
def test_the_most_outputs_are_those_of_the_kernels() -> None:
    text = (ROOT / "backends" / "cpu_kernel" / "outputs.hpp").read_text()
    assert f"MAX_OUTPUTS = {MAX_OUTPUTS};" in text


@needs_kernels
def test_a_model_predicts_the_same_whatever_engine_has_trained_it(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from gdnet import GDClassifier, load

    random = np.random.RandomState(0)
    X, y = random.randn(200, 3), random.randint(0, 2, 200)
    for engine in ("reference", "compiled"):
        clf = GDClassifier(3, engine=engine, random_state=0, max_iter=5, tol=0, device="cpu")
        clf.fit(X, y).save(tmp_path / "m")
        np.testing.assert_array_equal(load(tmp_path / "m").predict_proba(X), clf.predict_proba(X))


@needs_kernels
def test_a_library_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_library, "INTERFACE", -1)
    assert "compiled for another version of gdnet; where there is g++" in str(
        find_library.__wrapped__()
    )
    monkeypatch.setattr(cpu_library, "LIBRARY", "missing.so")
    assert "not compiled when gdnet was installed; where there is g++" in str(
        find_library.__wrapped__()
    )
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "there are no kernels for riscv64" in str(find_library.__wrapped__())
    monkeypatch.setenv(VARIABLE, "none")
    assert find_library.__wrapped__() == f"{VARIABLE}=none"


def test_info_names_what_there_is(tmp_path: Path) -> None:
    env = dict(os.environ)
    for wanted, engines, kernels in (
        ("none", ["reference"], f"{VARIABLE}=none"),
        ("nonsense", None, f"{VARIABLE}: expected "),
    ):
        child = subprocess.run(
            [sys.executable, "-m", "gdnet", "info", "--json"],
            env=env | {VARIABLE: wanted},
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        if isinstance(found, str) and wanted == "nonsense":
            continue
        assert child.returncode == 0, child.stderr
        facts = json.loads(child.stdout)
        assert facts.get("cpu_engines") == engines
        assert facts["cpu_kernels"].startswith(kernels)


def test_an_activation_of_ones_own_is_computed_by_the_equations() -> None:
    from gdnet.activations import TANH, Activation

    own = Activation("tanh", TANH.value, TANH.slope)
    assert full_batch((2, 4), 50, engine="auto", activation=own).engine == "reference"
    with pytest.raises(DataError, match="'compiled': expected an activation of gdnet"):
        full_batch((2, 4), 50, activation=own).engine  # noqa: B018

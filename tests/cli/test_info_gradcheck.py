"""``gdnet info`` and ``gdnet gradcheck``."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import gdnet
from gdnet.activations import ACTIVATIONS
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.command import here, train


def test_machine(tmp_path: Path) -> None:
    done = here("info", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    facts = done.json
    assert facts["gdnet"] == gdnet.__version__
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["platform"] == platform.platform()
    assert 1 <= facts["cpus"] <= facts["cpus_of_machine"]
    assert facts["cpu"] == gdnet.get_backend("cpu").describe()
    assert facts["auto"] == gdnet.get_backend("auto").name
    assert facts["auto_why"]
    assert 0 < facts["memory_available_gib"] <= facts["memory_gib"]
    assert facts["cpu_features"]
    text = here("info", cwd=tmp_path).out
    for key, value in facts.items():
        assert f"{key} " in text
        if isinstance(value, str):
            assert value in text


def test_machine_names_the_blas_and_what_steers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    facts = here("info", "--json", cwd=tmp_path).json
    assert facts["environment"]["OMP_NUM_THREADS"] == "3"
    assert "OPENBLAS_NUM_THREADS" not in facts["environment"]
    libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    assert [each["version"] for each in facts["blas"]] == [each["version"] for each in libraries]
    assert all(each["num_threads"] >= 1 for each in facts["blas"])


def test_machine_tells_nothing_private(tmp_path: Path) -> None:
    text = here("info", "--json", cwd=tmp_path).out
    for private in (Path.home(), tmp_path, Path(np.__file__).parent):
        assert str(private) not in text


def test_machine_says_why_there_is_no_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    facts = here("info", "--json", cwd=tmp_path).json
    assert facts["cuda"] is None
    assert facts["cuda_reason"] == "no-cupy"
    assert facts["auto"] == "cpu"
    assert facts["auto_why"].startswith("no CUDA: CuPy is not installed: pip install")


def test_machine_describes_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy())
    facts = here("info", "--json", cwd=tmp_path).json
    assert facts["cuda"] == gdnet.get_backend("cuda").describe()
    assert facts["cuda_devices"] == 1
    assert facts["cuda_memory_gib"] > 0
    assert (facts["auto"], facts["auto_why"]) == ("cuda:0", "CUDA is available")


def test_model(tmp_path: Path) -> None:
    train(tmp_path, "breast_cancer", "--iterations", 5, "--hidden", 7, "--l2", 0.5)
    done = here("info", "m", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    facts = done.json
    expected = {
        "model": "m",
        "features": 30,
        "hidden": 7,
        "outputs": 1,
        "activation": "tanh",
        "output": "sigmoid",
        "kind": "binary",
        "classes": ["benign", "malignant"],
        "target_name": "diagnosis",
        "dtype": "float64",
    }
    assert facts | expected == facts
    assert facts["feature_names"][:2] == ["mean radius", "mean texture"]
    assert facts["settings"]["l2"] == 0.5
    assert facts["training"]["iterations"] == 5
    assert facts["versions"]["gdnet"] == gdnet.__version__
    text = here("info", "m", cwd=tmp_path).out
    for part in ("benign, malignant", "mean radius", "(30 in all)", "l2 0.5", "iterations 5"):
        assert part in text


def test_model_of_many_labels_and_no_names(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    np.savez(tmp_path / "d.npz", X=random.randn(20, 2), y=random.randint(0, 2, (20, 3)))
    train(tmp_path, "d.npz", "--iterations", 2)
    facts = here("info", "m", "--json", cwd=tmp_path).json
    assert facts["kind"] == "multilabel"
    assert facts["classes"] is facts["feature_names"] is facts["target_name"] is None


def test_gradients_agree(tmp_path: Path) -> None:
    done = here("gradcheck", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    for name in ACTIVATIONS:
        for output in ("1 sigmoid", "3 sigmoid", "3 softmax", "1 identity", "3 identity"):
            assert f"{name}, {output} output{'s' * (output[0] == '3')}\n" in done.out
    assert done.out.endswith("every gradient agrees\n")


def test_one_activation_and_its_settings(tmp_path: Path) -> None:
    options = ["--hidden", 2, "--examples", 3, "--seed", 4]
    done = here("gradcheck", "--activation", "gelu", *options, cwd=tmp_path)
    assert done.code == 0
    assert done.out.count("gelu, ") == 5
    assert "tanh" not in done.out
    other = here("gradcheck", "--activation", "gelu", cwd=tmp_path)
    assert other.out != done.out


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_wrong_derivative_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    right = ACTIVATIONS[name]
    wrong = replace(right, slope=lambda A, xp: 1.001 * right.slope(A, xp))
    monkeypatch.setitem(ACTIVATIONS, name, wrong)
    done = here("gradcheck", cwd=tmp_path)
    assert done.code == 1
    assert done.out.endswith("SOME GRADIENTS DISAGREE\n")
    assert here("gradcheck", "--activation", "sigmoid", cwd=tmp_path).code == 0


def test_gradcheck_takes_no_difference_across_a_kink(tmp_path: Path) -> None:
    assert here("gradcheck", "--activation", "relu", "--seed", 258, cwd=tmp_path).code == 0

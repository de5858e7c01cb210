"""The model file: everything comes back as it was, and a damaged file is never a wrong model."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import safe_open, save_file

from gdnet._typing import HostArray
from gdnet.errors import DataError, ModelFileError
from gdnet.model.file import load_model, save_model
from gdnet.model.model import Model
from gdnet.parameters import Parameters

N0, N1 = 3, 4


def parameters(n2: int = 1, dtype: str = "float64") -> Parameters[HostArray]:
    random = np.random.RandomState(0)
    shapes = [(N1, N0), (N1, 1), (n2, N1), (n2, 1)]
    return Parameters(*(random.randn(*shape).astype(dtype) for shape in shapes))


def a_model(**changes: Any) -> Model:
    fields = {
        "parameters": parameters(),
        "activation": "tanh",
        "output": "sigmoid",
        "kind": "binary",
        "classes": ("no", "yes"),
        "feature_names": ("a", "b, c", "é"),
        "target_name": "y",
        "settings": {"hidden": 4, "l2": 0.1, "block_size": None, "standardize": True},
        "training": {"iterations": 7, "cost": 0.25, "diverged": False},
        "versions": {"gdnet": "0", "backend": "a CPU"},
    }
    return Model(**(fields | changes))


def same(one: Model, other: Model) -> bool:
    fields = [f.name for f in dataclasses.fields(Model) if f.name != "parameters"]
    return all(getattr(one, name) == getattr(other, name) for name in fields) and all(
        a.dtype == b.dtype and a.shape == b.shape and (a == b).all()
        for a, b in zip(one.parameters, other.parameters, strict=True)
    )


# There and back


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"parameters": parameters(dtype="float32")},
        {"feature_names": None, "target_name": None, "settings": {}, "training": {}},
        {"kind": "multiclass", "output": "softmax", "classes": (0, 5, 9), "n2": 3},
        {"kind": "multilabel", "classes": None, "n2": 2},
        {"kind": "multilabel", "classes": None, "n2": 1, "activation": "gelu"},
        {"mean": (0.1, -1e300, 0.0)},
    ],
)
def test_every_field_comes_back(tmp_path: Path, changes: dict[str, Any]) -> None:
    n2 = changes.pop("n2", None)
    model = a_model(**changes, **({} if n2 is None else {"parameters": parameters(n2)}))
    save_model(model, tmp_path / "m")
    assert same(load_model(tmp_path / "m"), model)
    assert load_model(str(tmp_path / "m")).shape == (N0, N1, n2 or 1)


@pytest.mark.parametrize("labels", [(3, 2**40), ("a", "é"), (False, True), (1.0, 2.0), ("1", "2")])
def test_classes_keep_their_type(tmp_path: Path, labels: tuple[Any, Any]) -> None:
    save_model(a_model(classes=labels), tmp_path / "m")
    classes = load_model(tmp_path / "m").classes
    assert classes is not None
    assert [(type(label), label) for label in classes] == [(type(one), one) for one in labels]


def test_files_without_the_keys_that_came_later(tmp_path: Path) -> None:
    path = written(tmp_path / "m", spellings="removed", mean="removed")
    assert same(load_model(path), a_model())


def test_any_layout_of_the_arrays_survives(tmp_path: Path) -> None:
    plain = parameters(3)
    spread = []
    for array in plain:
        wide = np.zeros((2 * array.shape[0], 3 * array.shape[1]))
        wide[::2, ::3] = array
        spread.append(wide[::2, ::3])
    layouts = {
        "F order": Parameters(*(np.asfortranarray(p) for p in plain)),
        "strided": Parameters(*spread),
        "reversed": Parameters(*(np.ascontiguousarray(p[::-1, ::-1])[::-1, ::-1] for p in plain)),
    }
    others = {"kind": "multiclass", "output": "softmax", "classes": (0, 1, 2)}
    for name, arrays in layouts.items():
        save_model(a_model(parameters=arrays, **others), tmp_path / "m")
        loaded = load_model(tmp_path / "m")
        assert same(loaded, a_model(parameters=plain, **others)), name
        assert all(p.flags.c_contiguous for p in loaded.parameters)


def test_other_readers_can_open_it(tmp_path: Path) -> None:
    model = a_model()
    save_model(model, tmp_path / "m")
    with safe_open(tmp_path / "m", "np") as file:
        assert set(file.keys()) == {"W1", "b1", "W2", "b2"}
        np.testing.assert_array_equal(file.get_tensor("W1"), model.parameters.W1)
        assert json.loads(file.metadata()["gdnet"])["classes"] == ["no", "yes"]


def test_activation_of_ones_own_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got 'mine': a file cannot hold a function"):
        save_model(a_model(activation="mine"), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_old_model_stays_if_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    save_model(a_model(), tmp_path / "m")
    with monkeypatch.context() as disk:
        disk.setattr("gdnet.atomic.os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            save_model(a_model(classes=(0, 1)), tmp_path / "m")
    assert same(load_model(tmp_path / "m"), a_model())
    assert list(tmp_path.iterdir()) == [tmp_path / "m"]


# Damaged, foreign, wrong


def written(path: Path, arrays: dict[str, Any] | None = None, **changes: Any) -> Path:
    """Write a model file with other arrays or other entries; None removes an entry."""
    save_model(a_model(), path)
    with safe_open(path, "np") as file:
        header = json.loads(file.metadata()["gdnet"])
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    found |= arrays or {}
    for name, value in changes.items():
        if value == "removed":
            del header[name]
        else:
            header[name] = value
    kept = {name: array for name, array in found.items() if array is not None}
    save_file(kept, path, {"gdnet": json.dumps(header)})
    return path


@pytest.mark.parametrize("spellings", [5, ["no"], ["no", 1], ["no", "yes"]])
def test_spellings_that_belong_to_no_boolean_classes(tmp_path: Path, spellings: Any) -> None:
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(written(tmp_path / "m", spellings=spellings))
    changes = {"kind": "multilabel", "classes": None, "spellings": spellings}
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(written(tmp_path / "m", **changes))


def test_written_alone_changes_nothing(tmp_path: Path) -> None:
    assert same(load_model(written(tmp_path / "m")), a_model())


W1 = parameters().W1


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"W1": None}, "expected the arrays"),
        ({"W3": np.zeros((1, 1))}, "expected the arrays"),
        ({"W1": W1.T.copy()}, r"W1: expected shape \(3, 3\), got \(3, 4\)"),
        ({"W1": W1[:, :2].copy()}, r"W1: expected shape \(4, 3\), got \(4, 2\)"),
        ({"W1": W1.ravel().copy()}, "W1: expected shape"),
        ({"b1": np.zeros((N1 + 1, 1))}, r"b1: expected shape \(4, 1\), got \(5, 1\)"),
        ({"b2": np.zeros(1)}, r"b2: expected shape \(1, 1\), got \(1,\)"),
        ({"W1": W1 * np.nan}, "a parameter is NaN or infinite"),
        ({"b2": np.full((1, 1), np.inf)}, "a parameter is NaN or infinite"),
        ({"W1": W1.astype(np.float32)}, "expected arrays of float32 or of float64"),
        ({"W1": W1.astype(np.int64)}, "expected arrays of float32 or of float64"),
    ],
)
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelFileError, match=said) as error:
        load_model(written(tmp_path / "m", arrays))
    assert str(tmp_path / "m") in str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format_version": 2}, "expected model format version 1, got 2; update gdnet"),
        ({"format_version": 0}, "got 0; train the model again"),
        ({"format_version": "1"}, "its description is not readable"),
        ({"shape": [N0, N1]}, "expected a shape of three numbers"),
        ({"shape": [N0, N1, True]}, "expected a shape of three numbers"),
        ({"shape": [0, N1, 1]}, "expected a shape of three numbers"),
        ({"shape": [N0 + 1, N1, 1]}, "W1: expected shape"),
        ({"shape": [N0, N1 + 1, 1]}, "expected 5 hidden units, got 4"),
        ({"activation": "mine"}, "unknown activation 'mine'"),
        ({"activation": ["tanh"]}, "unknown activation"),
        ({"output": "tanh"}, "unknown output"),
        ({"output": "softmax"}, "output softmax does not belong to a binary model"),
        ({"kind": "trinary"}, "unknown kind"),
        ({"kind": "multilabel"}, "expected no classes for a multi-label model"),
        ({"kind": "multiclass"}, "expected 1 different classes"),
        ({"classes": None}, "expected 2 different classes"),
        ({"classes": ["no"]}, "expected 2 different classes"),
        ({"classes": ["no", "no"]}, "expected 2 different classes"),
        ({"classes": ["no", ["yes"]]}, "expected 2 different classes"),
        ({"feature_names": ["a", "b"]}, "expected 3 feature names or none"),
        ({"feature_names": ["a", "b", 3]}, "expected 3 feature names or none"),
        ({"feature_names": "abc"}, "expected 3 feature names or none"),
        ({"target_name": 3}, "expected a name or none as target name"),
        ({"settings": None}, "its settings entry is not readable"),
        ({"training": []}, "its training entry is not readable"),
        *(({name: "removed"}, f"lacks {name}") for name in ("classes", "target_name", "versions")),
        ({"feature_names": "removed"}, "lacks feature_names"),
        *(
            ({"mean": mean}, "expected the means of 3 features")
            for mean in ([0.0, 1.0], [0.0, 1.0, None], [0.0, 1.0, 10**400], 0.0, [0.0, True, 1.0])
        ),
        ({"mean": [0.0, 1.0, math.nan]}, "each a finite number"),
    ],
)
def test_wrong_description(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelFileError, match=said) as error:
        load_model(written(tmp_path / "m", **changes))
    assert str(tmp_path / "m") in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000, '{"format_version": 1}'])
def test_description_that_is_none(tmp_path: Path, text: str) -> None:
    save_file(parameters()._asdict(), tmp_path / "m", {"gdnet": text})
    with pytest.raises(ModelFileError, match="the model file is damaged"):
        load_model(tmp_path / "m")


def test_foreign_files(tmp_path: Path) -> None:
    save_file(parameters()._asdict(), tmp_path / "plain")
    save_file(parameters()._asdict(), tmp_path / "other", {"format": "pt"})
    for name in ("plain", "other"):
        with pytest.raises(ModelFileError, match="got another safetensors file"):
            load_model(tmp_path / name)
    (tmp_path / "text").write_text("W1 = 3\n" * 100)
    with pytest.raises(ModelFileError, match="expected a gdnet model file"):
        load_model(tmp_path / "text")


def test_truncated_anywhere(tmp_path: Path) -> None:
    save_model(a_model(), tmp_path / "m")
    whole = (tmp_path / "m").read_bytes()
    for length in [*range(0, len(whole), 50), len(whole) - 1]:
        (tmp_path / "m").write_bytes(whole[:length])
        with pytest.raises(ModelFileError):
            load_model(tmp_path / "m")


def test_flipped_bits_never_crash(tmp_path: Path) -> None:
    save_model(a_model(), tmp_path / "m")
    whole = np.frombuffer((tmp_path / "m").read_bytes(), np.uint8)
    random = np.random.RandomState(0)
    refused = 0
    for _ in range(3000):
        damaged = whole.copy()
        for place in random.randint(0, len(whole), random.randint(1, 4)):
            damaged[place] ^= 1 << random.randint(8)
        (tmp_path / "m").write_bytes(damaged.tobytes())
        try:
            model = load_model(tmp_path / "m")
        except ModelFileError:
            refused += 1
            continue
        # A flipped bit of a number is another number, but what is loaded can be computed with.
        assert model.shape == (N0, N1, 1)
        assert all(np.isfinite(p).all() for p in model.parameters)
        assert len(model.classes or ()) == 2
    assert 500 < refused < 3000

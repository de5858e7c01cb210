"""ONNX with text, codes or no labels at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.errors import DataError
from gdnet.export.onnx import to_onnx
from gdnet.model.file import save_model
from tests.support.command import here
from tests.support.exported_models import KINDS, model_of, rows, session

onnx = pytest.importorskip("onnx")

CLASSES: dict[str, tuple[Any, ...]] = {
    "text": ("no", "yes"),
    "integers": (3, 7),
    "positions": (0, 1),
    "floats": (-1.5, 2.5),
    "booleans": (False, True),
}


@pytest.mark.parametrize("of", CLASSES)
def test_text_codes_and_none(of: str) -> None:
    classes = CLASSES[of]
    model = replace(model_of("binary"), classes=classes)
    X = rows(50)
    plain, probabilities = session(to_onnx(model)).run(None, {"X": X})
    assert plain.tolist() == np.array(classes)[probabilities.argmax(axis=1)].tolist()
    for labels, expected in (
        ("text", np.array(model.class_names)),
        ("codes", np.arange(2)),
    ):
        proto = to_onnx(model, labels=labels)
        label, same = session(proto).run(None, {"X": X})
        np.testing.assert_array_equal(label, expected[probabilities.argmax(axis=1)])
        np.testing.assert_array_equal(same, probabilities)
    proto = to_onnx(model, labels="none")
    assert [each.name for each in proto.graph.output] == ["probabilities"]
    assert "ArgMax" not in [node.op_type for node in proto.graph.node]
    np.testing.assert_array_equal(session(proto).run(None, {"X": X})[0], probabilities)


def test_booleans_are_spelled_as_in_the_data() -> None:
    model = replace(model_of("binary"), classes=(False, True), spellings=("nein", "ja"))
    label = session(to_onnx(model, labels="text")).run(["label"], {"X": rows(50)})[0]
    assert set(label.tolist()) == {"nein", "ja"}
    assert session(to_onnx(model)).run(["label"], {"X": rows(50)})[0].dtype == np.bool_


def test_classes_that_are_their_own_numbers_are_not_looked_up() -> None:
    model = replace(model_of("multiclass"), classes=(0, 1, 2))
    assert "Gather" not in [node.op_type for node in to_onnx(model).graph.node]
    model = replace(model, classes=(0, 2, 1))
    assert "Gather" in [node.op_type for node in to_onnx(model).graph.node]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [None, "text", "codes", "none"])
def test_classes_are_in_the_metadata_in_every_case(kind: str, labels: str | None) -> None:
    model = model_of(kind)
    if (kind, labels) == ("multilabel", "text"):
        with pytest.raises(DataError, match="expected labels codes or none"):
            to_onnx(model, labels=labels)
        return
    facts = {
        each.key: json.loads(each.value) for each in to_onnx(model, None, labels).metadata_props
    }
    assert facts == {
        "kind": kind,
        "classes": None if model.classes is None else list(model.classes),
        "feature_names": list("abcde"),
        "target_name": "target",
    }


def test_several_labels_have_codes_without_asking() -> None:
    model, X = model_of("multilabel"), rows(50)
    for labels in (None, "codes"):
        proto = to_onnx(model, labels=labels)
        assert "Where" in [node.op_type for node in proto.graph.node]
        label, probabilities = session(proto).run(None, {"X": X})
        assert label.dtype == np.int64
        np.testing.assert_array_equal(label, probabilities > 0.5)


def test_codes_are_there_where_onnx_does_not_have_the_classes() -> None:
    model = replace(model_of("binary"), classes=(0, 2**64))
    with pytest.raises(DataError, match="labels='codes' gives their numbers"):
        to_onnx(model)
    label = session(to_onnx(model, labels="codes")).run(["label"], {"X": rows(50)})[0]
    assert set(label.tolist()) == {0, 1}
    with pytest.raises(DataError, match="expected labels text, codes, none or None, got 'numbers'"):
        to_onnx(model, labels="numbers")


def test_command_and_classifier(tmp_path: Path) -> None:
    save_model(model_of("binary"), tmp_path / "m")
    done = here("export", "m", "m.onnx", "--labels", "none", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "X (batch, 5) -> probabilities; opset 13" in done.out
    assert [each.name for each in onnx.load(tmp_path / "m.onnx").graph.output] == ["probabilities"]
    assert here("export", "m", "m.onnx", "--labels", "codes", cwd=tmp_path).code == 0
    assert session((tmp_path / "m.onnx").read_bytes()).get_outputs()[0].type == "tensor(int64)"

    save_model(replace(model_of("binary"), classes=(0, 2**64)), tmp_path / "m")
    done = here("export", "m", "m.onnx", cwd=tmp_path)
    assert done.code == 2
    assert "--labels codes gives their numbers" in done.err

    pytest.importorskip("sklearn")
    from gdnet import GDClassifier

    y = np.where(rows(40)[:, 0] > 0, "b", "a")
    clf = GDClassifier(3, max_iter=50, tol=0, random_state=0, device="cpu").fit(rows(40), y)
    clf.to_onnx(tmp_path / "m.onnx", labels="codes")
    label = session((tmp_path / "m.onnx").read_bytes()).run(["label"], {"X": rows(40)})[0]
    np.testing.assert_array_equal(clf.classes_[label], clf.predict(rows(40)))

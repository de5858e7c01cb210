"""Labels of any type become codes; what is no class label is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.data.labels.targets import encode_target
from gdnet.errors import DataError


@pytest.mark.parametrize(
    ("target", "classes", "codes"),
    [
        ([0, 1, 1], [0, 1], [0, 1, 1]),
        ([7, -3, 7], [-3, 7], [1, 0, 1]),
        ([2.0, 1.0, 2.0], [1.0, 2.0], [1, 0, 1]),
        ([True, False], [False, True], [1, 0]),
        (["m", "b", "m"], ["b", "m"], [1, 0, 1]),
        (np.array(["m", "b", "a"], object), ["a", "b", "m"], [2, 1, 0]),
        (np.array([[3], [4]]), [3, 4], [0, 1]),
        (np.array([3, 4], ">i4"), [3, 4], [0, 1]),
    ],
)
def test_codes_and_classes(target: Any, classes: list[Any], codes: list[int]) -> None:
    encoded = encode_target(np.asarray(target))
    assert encoded.classes is not None
    assert encoded.classes.tolist() == classes
    assert encoded.classes.dtype.kind != "O"
    assert encoded.codes.tolist() == codes
    assert encoded.codes.dtype == np.uint8
    assert encoded.kind == ("binary" if len(classes) == 2 else "multiclass")


@pytest.mark.parametrize(("count", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_smallest_type(count: int, dtype: Any) -> None:
    encoded = encode_target(np.repeat(np.arange(count), 3))
    assert encoded.codes.dtype == dtype
    assert encoded.codes.tolist() == np.repeat(np.arange(count), 3).tolist()
    assert encoded.kind == "multiclass"


@pytest.mark.parametrize("text", [False, True])
def test_many_rows_in_parts(text: bool) -> None:
    expected = np.random.RandomState(0).randint(0, 5, 2_500_000)
    names = np.array([10, 20, 30, 40, 50])
    target = names.astype(str).astype(object)[expected] if text else names[expected]
    np.testing.assert_array_equal(encode_target(target).codes, expected)


def test_multilabel() -> None:
    target = np.array([[0, 1, 1], [1.0, 0, 0]])
    encoded = encode_target(target)
    assert encoded.kind == "multilabel"
    assert encoded.classes is None
    assert encoded.codes.dtype == np.uint8
    assert encoded.codes.tolist() == target.tolist()
    with pytest.raises(DataError, match=r"0 or 1, got 2.0 in row 0, column 1"):
        encode_target(np.array([[0, 2.0], [0, 1]]))
    with pytest.raises(DataError, match="columns of 0 and 1"):
        encode_target(np.array([["a", "b"], ["a", "b"]]))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([], "at least 1 label, got 0 rows"),
        ([1, 1, 1], "one class only, 1, in all 3 rows"),
        (["a", "a"], "one class only, 'a'"),
        ([0, 1, np.nan], "a label in every row, got NaN in row 2"),
        (np.array(["a", None], object), "got None in row 1"),
        (np.array(["a", float("nan")], object), "got nan in row 1"),
        ([0.5, 1.5], "whole numbers as class labels, got 0.5 in row 0.*task='regression'"),
        (np.array([0.5, 1.5], object), "whole numbers or text.*task='regression'"),
        ([0, 1, np.inf], "whole numbers as class labels, got inf in row 2"),
        (np.array(["a", 1], object), "labels of one type, got int, str together"),
        (np.ones(3, complex), "got type complex128"),
        (np.zeros(3, "M8[D]"), r"got type datetime64\[D\]"),
        (np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.arange(1500), "1500 distinct labels in 1500 rows.*task='regression'"),
        (np.arange(1500.0), "1500 distinct labels in 1500 rows.*task='regression'"),
        ([f"id{i}" for i in range(1500)], "1500 distinct labels in 1500 rows"),
    ],
)
def test_no_labels(target: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encode_target(np.asarray(target))


def test_many_classes_with_many_rows_each_are_fine() -> None:
    classes = encode_target(np.tile(np.arange(1500), 3)).classes
    assert classes is not None
    assert len(classes) == 1500


@pytest.mark.parametrize(
    ("target", "classes", "codes"),
    [
        ([1, 1], [0, 1], [1, 1]),
        ([1.0, 0.0], [0, 1], [1, 0]),
        (["1", "0.0"], [0, 1], [1, 0]),
        (["true", "False"], [False, True], [1, 0]),
        ([True, False], [0, 1], [1, 0]),
        ([1, 2], ["1", "2", "other"], [0, 1]),
        (["b"], ["a", "b"], [1]),
    ],
)
def test_classes_of_a_model(target: Any, classes: list[Any], codes: list[int]) -> None:
    encoded = encode_target(np.array(target), np.array(classes))
    assert encoded.codes.tolist() == codes
    assert encoded.classes is not None
    assert encoded.classes.tolist() == classes


def test_unknown_label() -> None:
    with pytest.raises(DataError, match="classes of the model, 'a', 'b', got 'c'"):
        encode_target(np.array(["a", "c"]), np.array(["a", "b"]))
    with pytest.raises(DataError, match="classes of the model, 0, 1, got 2"):
        encode_target(np.array([0, 2]), np.array([0, 1]))

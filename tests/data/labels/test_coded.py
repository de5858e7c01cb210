"""Labels of many rows as codes are the labels that few rows have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.labels import coded as coded_labels
from gdnet.data.labels import files as label_files
from gdnet.data.labels.coded import CodedLabels, LabelPieces, labels_of
from gdnet.data.labels.targets import encode_target
from gdnet.errors import DataError
from tests.support.command import here
from tests.support.table_files import read

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

LABELS: dict[str, list[Any]] = {
    "integers": [3, 1, 2, 3, 3, 1] * 40,
    "booleans": [True, False, False] * 80,
    "floats": [1.0, 0.0, -0.0, 2.0] * 60,
    "text": ["b", " a", "a ", "c"] * 60,
    "many": list(range(300)) + [7] * 40_000,
}


@pytest.fixture
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded_labels, "MAX_PLAIN", 100)


def write(folder: Path, labels: list[Any]) -> None:
    features = np.random.RandomState(0).randn(len(labels)).astype(np.float32)
    parquet.write_table(pa.table({"x": features, "y": labels}), folder / "d.parquet")
    lines = [f"{x},{y}" for x, y in zip(features.tolist(), labels, strict=True)]
    (folder / "d.csv").write_text("x,y\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("name", ["d.parquet", "d.csv"])
def test_codes_are_those_of_few_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    write(tmp_path, LABELS[kind])
    plain = read(tmp_path / name, target="y")
    monkeypatch.setattr(coded_labels, "MAX_PLAIN", 100)
    coded = read(tmp_path / name, target="y")
    assert isinstance(coded.target, CodedLabels)
    assert coded.spellings == plain.spellings
    np.testing.assert_array_equal(np.asarray(coded.target), plain.target)
    one, other = encode_target(plain.target), encode_target(coded.target)
    assert one.kind == other.kind
    assert one.codes.dtype == other.codes.dtype
    np.testing.assert_array_equal(one.codes, other.codes)
    assert one.classes is not None
    assert other.classes is not None
    assert one.classes.tolist() == other.classes.tolist()
    if kind != "floats":
        assert np.shares_memory(other.codes, coded.target.codes)  # and are no other array


@pytest.mark.usefixtures("_few_are_many")
def test_classes_of_a_model_are_found() -> None:
    target = labels_of(np.array(["b", "a"], object), np.array([0, 1] * 100, np.uint8))
    assert isinstance(target, CodedLabels)
    found = encode_target(target, classes=["z", "b", "a"])
    assert found.codes.tolist() == [1, 2] * 100
    with pytest.raises(DataError, match="got 'a'"):
        encode_target(target, classes=["b", "c"])


@pytest.mark.usefixtures("_few_are_many")
@pytest.mark.parametrize(
    ("bad", "said"),
    [(0.5, "got 0.5 in row 150"), (float("nan"), "got NaN in row 150")],
)
def test_a_label_that_is_no_class_is_named_with_its_row(
    tmp_path: Path, bad: float, said: str
) -> None:
    labels = [1.0, 2.0] * 100
    labels[150] = labels[160] = bad
    parquet.write_table(pa.table({"x": np.ones(200), "y": labels}), tmp_path / "d.parquet")
    table = read(tmp_path / "d.parquet", target="y")
    with pytest.raises(DataError, match=said):
        encode_target(table.target)


@pytest.mark.usefixtures("_few_are_many")
@pytest.mark.parametrize("labels", [[1, 2] * 100, ["a", "b"] * 100, [True, False] * 100])
def test_a_missing_label_is_named_with_its_row(tmp_path: Path, labels: list[Any]) -> None:
    labels = [*labels]
    labels[150] = labels[151] = None
    parquet.write_table(pa.table({"x": np.ones(200), "y": labels}), tmp_path / "d.parquet")
    said = r"missing value in row 150 \(counted from 0\) \(the first of 2\), column 'y'"
    with pytest.raises(DataError, match=said):
        read(tmp_path / "d.parquet", target="y")


@pytest.mark.parametrize("kind", ["int64", "float32", "float16", "uint64"])
@pytest.mark.parametrize("distinct", [3, 500])
def test_numbers_with_too_many_values_are_kept_as_they_are(
    monkeypatch: pytest.MonkeyPatch, kind: str, distinct: int
) -> None:
    monkeypatch.setattr(coded_labels, "MAX_DISTINCT", 300)
    values = (np.random.RandomState(0).randint(0, distinct, 2000) / 2).astype(kind)
    pieces = LabelPieces(700)  # it is only a guess
    for lo in range(0, 2000, 90):
        pieces.append(pa.array(values[lo : lo + 90]))
    kept = bool(pieces.plain)
    assert kept == (kind == "float16" or len(np.unique(values)) > 300)
    plain = np.concatenate([piece.to_numpy() for piece in pieces.plain] or [values])
    found = plain if kept else pieces.numbers()[pieces.codes]
    assert found.dtype == kind
    np.testing.assert_array_equal(found, values)


def test_codes_take_a_byte_a_row_and_more_only_for_more_classes() -> None:
    pieces = LabelPieces(1000)
    for distinct, dtype in ((256, np.uint8), (257, np.uint16)):
        pieces.append(pa.array([str(k) for k in range(distinct)]).dictionary_encode())
        assert pieces.codes.dtype == dtype
    assert [pieces.cells[k] for k in pieces.codes[-3:]] == ["254", "255", "256"]


@pytest.mark.usefixtures("_few_are_many")
@pytest.mark.parametrize("kind", ["integers", "text", "booleans"])
def test_converted_labels_are_those_of_the_file(tmp_path: Path, kind: str) -> None:
    write(tmp_path, LABELS[kind])
    options = ["--target", "y", "--labels", "y.npy"]
    assert here("convert", "d.parquet", "X.npy", *options, cwd=tmp_path).code == 0
    expected = [y.strip() if isinstance(y, str) else y for y in LABELS[kind]]
    assert np.load(tmp_path / "y.npy").tolist() == expected


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_text_in_an_array_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    labels = [" b", "a", "a ", "c"] * 60 + [str(k) for k in range(400)]
    np.save(tmp_path / "X.npy", np.ones((len(labels), 2), np.float32))
    np.save(tmp_path / "y.npy", np.array(labels).astype(dtype))
    where: dict[str, Any] = {"labels": tmp_path / "y.npy"}
    plain = read(tmp_path / "X.npy", **where)
    for module in (coded_labels, label_files):
        monkeypatch.setattr(module, "MAX_PLAIN", 100)
    coded = read(tmp_path / "X.npy", **where)
    assert isinstance(coded.target, CodedLabels)
    np.testing.assert_array_equal(np.asarray(coded.target), plain.target)
    labels[321] = " "
    np.save(tmp_path / "y.npy", np.array(labels).astype(dtype))
    with pytest.raises(DataError, match=r"got an empty one in row 321 \(counted from 0\)"):
        read(tmp_path / "X.npy", **where)

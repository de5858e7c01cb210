"""Labels are what is written: no two spellings become one class, in any format."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.files import iterate_table
from gdnet.data.labels.targets import encode_target
from gdnet.data.labels.types import find_classes
from gdnet.errors import DataError
from tests.support.command import here, train
from tests.support.table_files import pa, read, write, write_parquet


def labelled(path: Path, *labels: str) -> Path:
    """A CSV file in which each label comes ten times, with features that tell them apart."""
    rows = [f"{i}.5,{-i},{label}" for _ in range(10) for i, label in enumerate(labels)]
    return write(path, "\n".join(["a,b,y", *rows]) + "\n")


SPELLINGS: list[tuple[list[str], list[Any]]] = [
    (["0", "1"], [0, 1]),
    (["-3", "12", "7"], [-3, 7, 12]),
    (["01", "1"], ["01", "1"]),
    (["007", "07", "7"], ["007", "07", "7"]),
    (["10", "1E1"], ["10", "1E1"]),
    (["1e1", "1E1", "x"], ["1E1", "1e1", "x"]),
    (["0x1F", "31"], ["0x1F", "31"]),
    (["+1", "1", "-1"], ["+1", "-1", "1"]),
    (["0", "-0"], ["-0", "0"]),
    (["3.10", "3.1", "3.9"], ["3.1", "3.10", "3.9"]),
    (["1", "1.0"], ["1", "1.0"]),
    (["true", "1"], ["1", "true"]),
    (["true", "TRUE", "false"], ["TRUE", "false", "true"]),
    (["true", "false"], [False, True]),
    (["FALSE", "TRUE"], [False, True]),
    (["9007199254740993", "9007199254740992"], [9007199254740992, 9007199254740993]),
    (
        ["12345678901234567890", "12345678901234567891"],
        ["12345678901234567890", "12345678901234567891"],
    ),
    (["9223372036854775807", "-9223372036854775808"], [-(2**63), 2**63 - 1]),
    (["9223372036854775808", "1"], ["1", "9223372036854775808"]),
    (["\u0661", "1"], ["1", "\u0661"]),  # a digit of another script
    (["1_0", "10"], ["10", "1_0"]),
    (["None", "mild"], ["None", "mild"]),
]


@pytest.mark.parametrize(("spellings", "classes"), SPELLINGS)
def test_classes_of_a_csv_file(tmp_path: Path, spellings: list[str], classes: list[Any]) -> None:
    target = read(labelled(tmp_path / "d.csv", *spellings), target="y").target
    encoded = encode_target(target)
    assert encoded.classes is not None
    assert encoded.classes.tolist() == classes
    assert [type(label) for label in encoded.classes.tolist()] == [*map(type, classes)]


@pytest.mark.parametrize("spellings", [spellings for spellings, _ in SPELLINGS])
def test_predictions_are_spelled_as_the_labels(tmp_path: Path, spellings: list[str]) -> None:
    labelled(tmp_path / "d.csv", *spellings)
    facts = train(tmp_path, "d.csv", "--target", "y", "--learning-rate", "2")
    assert facts["train_accuracy"] == 1
    done = here("predict", "m", "d.csv", "--quiet", cwd=tmp_path)
    assert done.out.splitlines() == ["prediction", *spellings * 10]
    done = here("evaluate", "m", "d.csv", "--quiet", "--json", cwd=tmp_path)
    assert done.json["accuracy"] == 1
    proba = here("predict", "m", "d.csv", "--proba", "--quiet", cwd=tmp_path).out.splitlines()[0]
    assert {name.removeprefix("probability_") for name in proba.split(",")} == {*spellings}


@pytest.mark.parametrize("spellings", [spellings for spellings, _ in SPELLINGS])
def test_converted_labels_are_as_many(tmp_path: Path, spellings: list[str]) -> None:
    labelled(tmp_path / "d.csv", *spellings)
    done = here(
        "convert", "d.csv", "X.npy", "--target", "y", "--labels", "y.npy", "--quiet", cwd=tmp_path
    )
    assert done.code == 0
    assert len(np.unique(np.load(tmp_path / "y.npy"))) == len(spellings)


def test_decimals_of_parquet_keep_their_digits(tmp_path: Path) -> None:
    for labels, expected in (
        ([Decimal("9007199254740993"), Decimal("9007199254740992")], [2**53 + 1, 2**53]),
        ([Decimal("3.10"), Decimal("3.20")], ["3.10", "3.20"]),
        ([Decimal(10**30), Decimal(10**30 + 1)], [str(10**30), str(10**30 + 1)]),
    ):
        path = write_parquet(tmp_path / "d.parquet", x=[1.5, 2.5], y=labels)
        target = read(path, target="y").target
        assert target is not None
        assert target.tolist() == expected


def test_padding_is_no_part_of_a_label_in_any_format(tmp_path: Path) -> None:
    padded, plain = ["yes", " no", "yes ", "no\t"], ["yes", "no", "yes", "no"]
    targets = []
    rows = "\n".join(f'{i}.5,"{label}"' for i, label in enumerate(padded))
    targets.append(read(write(tmp_path / "d.csv", f"x,y\n{rows}\n"), target="y").target)
    for column in (pa.array(padded), pa.array(padded).dictionary_encode()):
        path = write_parquet(tmp_path / "d.parquet", x=range(4), y=column)
        targets.append(read(path, target="y").target)
    np.save(tmp_path / "X.npy", np.ones((4, 1)))
    for labels in (np.array(padded), np.array(padded).astype(bytes)):
        np.save(tmp_path / "y.npy", labels)
        targets.append(read(tmp_path / "X.npy", labels=tmp_path / "y.npy").target)
        np.savez(tmp_path / "d.npz", X=np.ones((4, 1)), y=labels)
        targets.append(read(tmp_path / "d.npz").target)
    for target in targets:
        assert target is not None
        assert target.tolist() == plain


def test_text_that_is_stored_as_bytes(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "d.parquet", x=[1.5, 2.5], y=pa.array([b"no", "ja\u00df".encode()])
    )
    target = read(path, target="y").target
    assert target is not None
    assert target.tolist() == ["no", "ja\u00df"]
    path = write_parquet(tmp_path / "d.parquet", x=[1.5, 2.5], y=pa.array([b"no", b"\xff"]))
    with pytest.raises(DataError, match="UTF-8 text in target column 'y', got other bytes"):
        read(path, target="y")


def test_missing_label_among_numbers(tmp_path: Path) -> None:
    for cells, missing in (("1,2,NA,NA", "NA"), ("1.0,None,2.0", "None"), ("true,null", "null")):
        lines = "".join(f"{i}.5,{cell}\n" for i, cell in enumerate(cells.split(",")))
        path = write(tmp_path / "d.csv", f"x,y\n{lines}")
        with pytest.raises(DataError, match=f"got '{missing}' in line .* if it is a class"):
            read(path, target="y")


def test_codes_with_a_point_and_many_rows_each_are_classes(tmp_path: Path) -> None:
    lines = "".join(f"{i},{250 + i % 25}.{i % 25:02d}\n" for i in range(2500))
    encoded = encode_target(read(write(tmp_path / "d.csv", f"x,y\n{lines}"), target="y").target)
    assert encoded.classes is not None
    assert len(encoded.classes) == 25


def test_labels_that_numpy_cannot_hold() -> None:
    with pytest.raises(DataError, match="without a NUL character at their end"):
        encode_target(np.array(["a", "a\0"] * 5, object))
    with pytest.raises(DataError, match=r"got type .*; labels.astype\(int\)"):
        encode_target(np.array([0, 1], np.longdouble))


def test_decimals_that_are_a_quantity(tmp_path: Path) -> None:
    lines = "".join(f"{i},{i / 8}\n" for i in range(30))
    with pytest.raises(DataError, match=r"'y': .* 30 distinct numbers such as 0.125 .* quantity"):
        read(write(tmp_path / "d.csv", f"x,y\n{lines}"), target="y")


# Among the classes of a model


@pytest.mark.parametrize(
    ("classes", "label", "code"),
    [
        ([0, 1], "1", 1),
        ([0, 1], "1.0", 1),
        ([0, 1], "1.", 1),
        ([0, 1], 1.0, 1),
        ([0, 1], True, 1),
        ([False, True], "TRUE", 1),
        ([False, True], 1, 1),
        ([2**53, 2**53 + 1], str(2**53 + 1), 1),
        ([2**53, 2**53 + 1], f"{2**53 + 1}.0", 1),
        ([5, 2**63, 2**63 + 1], str(2**63 + 1), 2),
        (["1", "1.0"], 1, 0),
        (["1", "1.0"], 1.0, 1),
        (["01", "1"], "01", 0),
        ([0.0, 1.0], "1", 1),
        (["None", "mild"], "None", 0),
    ],
)
def test_label_that_is_found(classes: list[Any], label: Any, code: int) -> None:
    assert find_classes([label], classes) == {label: code}


@pytest.mark.parametrize(
    ("classes", "label"),
    [
        ([0, 1], "true"),
        ([0, 1], "01"),
        ([0, 1], "+1"),
        ([0, 10], "1E1"),
        ([0, 16], "0x10"),
        ([0, 1], "1.5"),
        ([0, 1], 1.5),
        ([False, True], "1"),
        ([2**53, 2**53 + 2], str(2**53 + 1)),
        ([2**53, 2**53 + 2], 2**53 + 1),
        (["1", "2"], "1.0"),
        (["01", "2"], 1),
        (["a", "b"], "A"),
    ],
)
def test_label_that_is_not_found(classes: list[Any], label: Any) -> None:
    with pytest.raises(DataError, match="expected labels among the classes of the model"):
        find_classes([label], classes)


def test_unknown_label_names_the_nearest_class() -> None:
    with pytest.raises(DataError, match=r"got '>50K.'; did you mean '>50K'\?"):
        find_classes([">50K."], ["<=50K", ">50K"])


@pytest.mark.parametrize("how", ["validation", "evaluate"])
def test_other_files_are_read_by_the_classes_of_the_model(tmp_path: Path, how: str) -> None:
    labelled(tmp_path / "train.csv", "0", "1")
    # By themselves these would be text.
    labelled(tmp_path / "other.csv", "0.0", "1.0")
    labelled(tmp_path / "strange.csv", "0", "01")
    options: list[object] = ["--target", "y", "--learning-rate", "2"]
    if how == "validation":
        facts = train(tmp_path, "train.csv", *options, "--validation", "other.csv")
        assert facts["validation_accuracy"] == 1
        done = here("train", "train.csv", *options, "--validation", "strange.csv", cwd=tmp_path)
    else:
        train(tmp_path, "train.csv", *options)
        assert here("evaluate", "m", "other.csv", "--json", cwd=tmp_path).json["accuracy"] == 1
        done = here("evaluate", "m", "strange.csv", cwd=tmp_path)
    assert done.code == 2
    assert "among the classes of the model, 0, 1, got '01'" in done.err


def test_streamed_labels_of_a_file_are_freed_of_blanks(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "x\n1\n2\n3\n")
    for labels in (np.array([" n ", "p", "n"]), np.array([b" n ", b"p", b"n"])):
        np.save(tmp_path / "y.npy", labels)
        blocks = iterate_table(path, labels=tmp_path / "y.npy", dtype=np.float32, rows=2)
        assert [label for _, found in blocks for label in np.asarray(found)] == ["n", "p", "n"]


def test_stream_of_labels_is_text(tmp_path: Path) -> None:
    path = labelled(tmp_path / "d.csv", "01", " 1")
    ((_, labels),) = iterate_table(path, target="y", dtype=np.float32, rows=100)
    assert labels is not None
    assert labels.tolist() == ["01", "1"] * 10

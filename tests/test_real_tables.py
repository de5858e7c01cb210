"""Columns as people have them: without values, of identifiers, with gaps, of other formats."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.command import command, environment, here
from tests.table_files import pa, parquet, read, write, write_parquet


def table_of(path: Path, header: str, *rows: str) -> Path:
    return write(path, "\n".join([header, *rows]) + "\n")


# Columns without values


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NULL", " "])
@pytest.mark.parametrize("m", [20, 1500])
def test_column_without_values_is_left_out(tmp_path: Path, cell: str, m: int) -> None:
    rows = [f"{i}.5,{cell},{i % 2}" for i in range(m)]
    table = read(table_of(tmp_path / "d.csv", "a,empty,y", *rows), target="y")
    assert table.feature_names == ("a",)
    assert table.ignored == {"empty": "no value in any row"}
    assert len(table.X) == m


@pytest.mark.parametrize(
    "column",
    [
        pa.nulls(1500),
        pa.array([None] * 1500, pa.float64()),
        pa.array([float("nan")] * 1500),
        pa.array([None] * 1500, pa.int8()),
    ],
)
def test_parquet_column_without_values_is_left_out(tmp_path: Path, column: Any) -> None:
    path = write_parquet(
        tmp_path / "d.parquet", a=np.arange(1500) + 0.5, empty=column, y=[0, 1] * 750
    )
    table = read(path, target="y")
    assert table.feature_names == ("a",)
    assert table.ignored == {"empty": "no value in any row"}


def test_columns_that_begin_without_values_and_end_with_some(tmp_path: Path) -> None:
    rows = [f"{i}.5,{'hello' if i == 40_000 else ''},,{i % 2}" for i in range(60_000)]
    table = read(table_of(tmp_path / "d.csv", "x,note,empty,y", *rows), target="y")
    assert table.ignored == {"note": "text such as 'hello'", "empty": "no value in any row"}


def test_wide_tables_take_time_in_proportion(tmp_path: Path) -> None:
    # A thousand times as many steps as columns would be ten million.
    names = [f"g{j}" for j in range(10_000)]
    path = table_of(tmp_path / "d.csv", ",".join([*names, "y"]), *(["1.5," * 10_000 + "a"] * 2))
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        read(path, target="y", features=names)
    finally:
        sys.setprofile(None)
    assert steps < 100 * len(names)


def test_column_that_begins_without_values(tmp_path: Path) -> None:
    rows = [f"{i}.5,,,,{i % 2}" for i in range(1200)]
    rows += [f"{i}.5,B{i},{i},true,{i % 2}" for i in range(1200, 1500)]
    path = table_of(tmp_path / "d.csv", "a,cabin,visits,late,y", *rows)
    with pytest.raises(DataError) as caught:
        read(path, target="y")
    assert str(caught.value) == (
        f"{path}: expected finite float32 numbers, got an empty cell in line 2, column 'visits' "
        "(the first of 1,200), an empty cell in line 2, column 'late' (the first of 1,200); remove "
        "or fill in such rows, or leave columns out: --ignore visits,late"
    )
    table = read(path, target="y", ignore=["visits", "late"])
    assert table.feature_names == ("a",)
    assert table.ignored["cabin"] == "text such as 'B1200'"
    write_parquet(tmp_path / "d.parquet", a=range(1500), b=[None] * 1499 + [1.5], y=[0, 1] * 750)
    with pytest.raises(DataError, match=r"row 0 .*column 'b' \(the first of 1,499\)"):
        read(tmp_path / "d.parquet", target="y")


# All bad columns in one message


def test_all_columns_with_gaps_are_named_at_once(tmp_path: Path) -> None:
    path = table_of(
        tmp_path / "d.csv",
        'a,"b, c",d,e,y',
        "1,2,3,true,0",
        "NA,2,x,,1",
        ",inf,4,true,0",
        "4,5,6,no,1",
    )
    with pytest.raises(DataError) as caught:
        read(path, target="y")
    assert str(caught.value) == (
        f"{path}: expected finite float32 numbers, got 'NA' in line 3, column 'a' (the first of "
        "2), 'inf' in line 4, column 'b, c', 'x' in line 3, column 'd', an empty cell in line 3, "
        "column 'e' (the first of 2); remove or fill in such rows, or leave columns out: --ignore "
        "'a,\"b, c\",d,e'"
    )
    with pytest.raises(DataError) as caught:
        list(iterate_table(path, features=["d", "a"], dtype=np.float32, rows=2))
    assert str(caught.value).endswith(
        "got 'x' in line 3, column 'd', 'NA' in line 3, column 'a' (the first of 2); remove or "
        "fill in such rows"
    )


def test_ignore_takes_what_the_message_offers(tmp_path: Path) -> None:
    table_of(tmp_path / "d.csv", 'a,"b, c",y', "1,x,0", "2,,1", "3,5,0", "4,6,1", "5,7,0")
    done = here("train", "d.csv", "--target", "y", cwd=tmp_path)
    assert done.code == 2
    assert done.err.endswith("--ignore '\"b, c\"'\n")
    assert here("train", "d.csv", "--target", "y", "--ignore", '"b, c"', cwd=tmp_path).code == 0


@pytest.mark.parametrize("name", ["-log10p", "a\n(cm)", "b \"q\", 'c'"])
def test_ignore_takes_any_name_that_the_message_offers(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    table_of(tmp_path / "d.csv", f"x,{quoted},y", "1,,0", "2,5,1", "3,6,0", "4,7,1")
    done = here("train", "d.csv", "--target", "y", cwd=tmp_path)
    words = shlex.split(done.err.partition("leave columns out: ")[2])
    assert here("train", "d.csv", "--target", "y", *words, cwd=tmp_path).code == 0


def test_all_columns_of_an_array_with_gaps_are_named_at_once(tmp_path: Path) -> None:
    X = np.ones((50, 4))
    X[[3, 7, 9], 1], X[5, 3], X[8, 2] = np.nan, -np.inf, 1e300
    np.save(tmp_path / "X.npy", X)
    message = (
        r"got nan in row 3, column 1 \(the first of 3\), 1e\+300 in row 8, column 2, -inf in row "
        r"5, column 3 \(rows and columns counted from 0\); float64 can .*; remove or fill in such"
    )
    with pytest.raises(DataError, match=message):
        read(tmp_path / "X.npy", need_target=False)
    with pytest.raises(DataError, match=message):
        list(iterate_table(tmp_path / "X.npy", dtype=np.float32, rows=20))


def test_all_unknown_and_refused_columns_are_named_at_once(tmp_path: Path) -> None:
    path = table_of(tmp_path / "d.csv", "a,b,c,y", "1,u,v,0", "2,w,x,1")
    with pytest.raises(DataError, match="a feature column 'd' and 2 more: 'e', 'f', got columns"):
        read(path, target="y", features=["a", "d", "e", "f"])
    with pytest.raises(DataError, match=r"got b \(text such as 'u'\), c \(text such as 'v'\)$"):
        read(path, target="y", features=["a", "b", "c"])


# Indices and identifiers


def test_index_of_pandas_is_no_feature(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [0.5, 1.5, 2.5], "z": [2.5, 3.5, 4.5], "y": [0, 1, 0]})
    path = tmp_path / "d.parquet"
    for index, left_out in (
        (pandas.Index([7, 9, 12], name="PassengerId"), ["PassengerId"]),
        (pandas.Index([7, 9, 12]), ["__index_level_0__"]),
        (pandas.RangeIndex(5, 8, name="row"), []),
        (pandas.MultiIndex.from_tuples([(1, 2), (1, 3), (2, 9)], names=["g", "h"]), ["g", "h"]),
        (pandas.Index([0.5, 0.7, 0.1], name="when"), ["when"]),
    ):
        frame.set_index(index).to_parquet(path)
        table = read(path, target="y")
        assert table.feature_names == ("x", "z")
        assert table.ignored == dict.fromkeys(left_out, "an index that pandas wrote")
        if left_out:  # a model that has been trained on it still finds it
            ((X, _),) = iterate_table(path, features=[left_out[0]], dtype=np.float32, rows=9)
            assert X[0, 0] == np.float32(index.to_frame()[index.names[0] or 0].iloc[0])


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"index_columns": 5}',
        b'{"index_columns": [{"kind": "range"}, 5]}',
    ],
)
def test_metadata_that_pandas_does_not_write(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"x": [0.5, 1.5], "y": [0, 1]}).replace_schema_metadata({"pandas": metadata})
    parquet.write_table(table, tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet", target="y").ignored == {}


def test_columns_that_look_like_identifiers_are_named_once(tmp_path: Path) -> None:
    rows = [f"{i},{7 * i % 40},{i // 2},{i}.25,{i % 2}" for i in range(40)]
    path = table_of(tmp_path / "d.csv", "id,shuffled,pair,x,y", *rows)
    (note,) = read(path, target="y").notes
    assert note == (
        "id, shuffled: whole numbers that differ in every row look like an identifier and are used "
        "as a feature; to leave them out: --ignore id,shuffled"
    )
    assert read(path, target="y", ignore=["id", "shuffled"]).notes == ()
    assert read(path, target="y", features=["id", "x"]).notes == ()
    done = here("train", path, "--target", "y", "--iterations", "2", cwd=tmp_path)
    assert done.err.count("look like an identifier") == 1
    done = here("train", path, "--target", "y", "--quiet", "--json", cwd=tmp_path)
    assert done.json["notes"] == [note]
    few = table_of(tmp_path / "few.csv", "id,y", *(f"{i},{i % 2}" for i in range(9)))
    assert read(few, target="y").notes == ()


# Parquet that pyarrow does not open by itself, or stores otherwise


def test_integers_of_128_bits_of_polars(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"id": [1, 2, 3, 4], "x": [0.5, 1.5, 2.5, 3.5], "y": [0, 1, 0, 1]})
    frame = frame.with_columns(polars.col("id").cast(polars.Int128))
    frame.write_parquet(tmp_path / "d.parquet")
    why = "as which 128-bit integers are stored; save them as 64-bit integers"
    table = read(tmp_path / "d.parquet", target="y")
    assert table.X.tolist() == [[0.5], [1.5], [2.5], [3.5]]
    assert "is read without the schema of Arrow" in table.notes[0]
    assert table.ignored == {"id": f"type fixed_size_binary[16], {why}"}
    with pytest.raises(DataError, match=f"target column 'id', got type .*, {why}"):
        read(tmp_path / "d.parquet", target="id")


def test_truth_values_of_a_byte(tmp_path: Path) -> None:
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, 1, 0], pa.int8()))
    path = write_parquet(tmp_path / "d.parquet", x=[0.5, 1, 2, 3], flag=flags, y=flags)
    table = read(path, target="y")
    assert table.X[:, 1].tolist() == [0, 1, 1, 0]
    assert table.target is not None
    assert table.target.tolist() == [False, True, True, False]


# Arrays


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, [("a", "f4"), ("b", "f4")]), "fields a, b; save .*structured_to_unstructured"),
        (np.zeros((3, 8, 8)), r"got shape \(3, 8, 8\); save array.reshape\(len\(array\), -1\)"),
        (np.zeros((3, 2), "V2"), r"type \|V2, as which NumPy saves bfloat16; save .*'float32'"),
    ],
)
def test_arrays_of_other_shapes_are_told_their_cure(
    tmp_path: Path, array: np.ndarray[Any, Any], message: str
) -> None:
    np.save(tmp_path / "X.npy", array)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "X.npy", need_target=False)


def test_examples_as_columns_are_told_their_cure(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((2, 60)))
    np.save(tmp_path / "Y.npy", np.ones((1, 60)))
    with pytest.raises(DataError, match=r"\(1, 60\); in files examples are rows: save X.T"):
        read(tmp_path / "X.npy", labels=tmp_path / "Y.npy")


def test_examples_as_columns_are_seen_by_their_number(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((2, 60)))
    np.save(tmp_path / "y.npy", np.arange(60) % 2)
    with pytest.raises(DataError, match=r"got 60 labels of shape .*; .* save X.T"):
        read(tmp_path / "X.npy", labels=tmp_path / "y.npy")


def test_empty_label_of_an_array_is_missing(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((3, 2)))
    np.save(tmp_path / "y.npy", np.array(["a", " ", "b"]))
    with pytest.raises(DataError, match=r"y\.npy: .* got an empty one in row 1 \(counted from 0\)"):
        read(tmp_path / "X.npy", labels=tmp_path / "y.npy")


def test_names_in_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x_train=np.ones((2, 2)), y_train=[0, 1])
    with pytest.raises(DataError, match=r"X=d\['x_train'\], y=d\['y_train'\]"):
        read(tmp_path / "d.npz")


# Streams


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    table_of(tmp_path / "d.csv", "x,y", "1.5,0", "2.5,1")
    here("train", "d.csv", "--target", "y", "--out", "m", "--quiet", cwd=tmp_path)
    for words in (("predict", "m", name), ("train", name, "--target", "y")):
        done = subprocess.run(
            command(*words),
            input="x,y\n1,0\n",
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert "data are read more than once" in done.stderr
        assert "write it to a file first" in done.stderr


def test_named_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    refused: list[str] = []

    def open_it() -> None:
        with pytest.raises(DataError) as caught:
            read(tmp_path / "pipe.csv", target="y")
        refused.append(str(caught.value))

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    thread.join(30)
    assert "got standard input, a pipe or a device" in refused[0]


# The split of the command line


def test_split_is_that_of_the_estimator(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from gdnet import GDClassifier

    random = np.random.RandomState(0)
    X = random.randn(200, 3)
    y = np.array(["common"] * 180 + ["rare"] * 20)[random.permutation(200)]
    np.savez(tmp_path / "d.npz", X=X, y=y)
    words = "train d.npz --validation 0.2 --seed 5 --iterations 7 --no-standardize"
    words += " --dtype float64 --history h.jsonl --quiet"
    done = here(*words.split(), cwd=tmp_path)
    assert done.code == 0
    costs = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    fitted = GDClassifier(
        max_iter=7,
        tol=0,
        random_state=5,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=99,
    )
    fitted.fit(X, y)
    assert [line["cost"] for line in costs] == fitted.loss_curve_
    assert [line["validation_cost"] for line in costs] == fitted.validation_loss_curve_


def test_every_class_is_in_both_parts(tmp_path: Path) -> None:
    y = np.array([0] * 97 + [1] * 3)
    np.savez(tmp_path / "d.npz", X=np.random.RandomState(1).randn(100, 2), y=y)
    for seed in range(12):
        words = f"train d.npz --validation 0.34 --seed {seed} --iterations 1 --json --quiet"
        facts = here(*words.split(), cwd=tmp_path).json
        assert np.sum(facts["validation_confusion"], axis=1).tolist() == [33, 1]
        assert facts["validation_auc"] is not None
        assert facts["notes"] == []


def test_class_that_one_part_lacks_is_named(tmp_path: Path) -> None:
    y = np.array(["a"] * 50 + ["b"] * 49 + ["rare"])
    np.savez(tmp_path / "d.npz", X=np.random.RandomState(1).randn(100, 2), y=y)
    done = here(*["train", "d.npz", "--validation", "0.2", "--iterations", "1"], cwd=tmp_path)
    assert "the validation part has no example of class 'rare', of which its figures" in done.err
    np.savez(tmp_path / "two.npz", X=np.random.RandomState(1).randn(100, 2), y=y == "a")
    np.savez(tmp_path / "one.npz", X=np.ones((3, 2)), y=[True] * 3)
    words = "train two.npz --validation one.npz --iterations 1 --json"
    done = here(*words.split(), cwd=tmp_path)
    assert "the validation part has no example of class False" in done.err
    assert done.json["validation_auc"] is None


def test_one_hot_labels_are_named(tmp_path: Path) -> None:
    codes = np.random.RandomState(0).randint(0, 3, 50)
    np.save(tmp_path / "X.npy", np.random.RandomState(1).randn(50, 2))
    for Y, said in ((np.eye(3, dtype=int)[codes], 1), (np.eye(3, dtype=int)[codes] | [0, 0, 1], 0)):
        np.save(tmp_path / "Y.npy", Y)
        done = here(*["train", "X.npy", "--labels", "Y.npy", "--iterations", "2"], cwd=tmp_path)
        assert done.code == 0
        assert done.err.count("the labels are one-hot") == said

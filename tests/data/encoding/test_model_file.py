"""The encoding in the model file, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.data.files import read_table
from gdnet.data.formats import TABLE_NAMES
from gdnet.errors import DataError
from gdnet.model.file import load_model
from tests.support.command import here
from tests.support.table_files import write_parquet


def test_a_model_file_whose_encoding_is_damaged(trained: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    from gdnet.errors import ModelFileError

    arrays = load_file(trained / "m")
    with safe_open(trained / "m", "np") as file:
        header = json.loads(file.metadata()["gdnet"])

    def saved(change: Any) -> Path:
        damaged = json.loads(json.dumps(header))
        change(damaged["encoding"])
        save_file(arrays, trained / "damaged", {"gdnet": json.dumps(damaged)})
        return trained / "damaged"

    load_model(saved(lambda encoding: None))
    number, text = 0, 1
    assert "mean" in header["encoding"]["columns"][number]
    assert "levels" in header["encoding"]["columns"][text]
    changes: list[Any] = [
        lambda e: e.pop("options"),
        lambda e: e.update(more=1),
        lambda e: e.update(columns=[]),
        lambda e: e.update(columns={}),
        lambda e: e["columns"].pop(),
        lambda e: e["columns"].append(e["columns"][0]),
        lambda e: e["columns"][number].update(mean=float("nan")),
        lambda e: e["columns"][number].update(mean=1),
        lambda e: e["columns"][number].update(missing=0),
        lambda e: e["columns"][number].update(name=5),
        lambda e: e["columns"][number].update(name="other"),
        lambda e: e["columns"][number].pop("mean"),
        lambda e: e["columns"][text].update(levels=[]),
        lambda e: e["columns"][text]["levels"].append("York"),
        lambda e: e["columns"][text]["levels"].append(3),
        lambda e: e["columns"][text]["levels"].append("Paris"),
        lambda e: e["columns"][text].update(other=True),
        lambda e: e["columns"][text].update(other="no"),
        lambda e: e["columns"].__setitem__(0, []),
        lambda e: e["options"].update(text="perhaps"),
        lambda e: e["options"].update(text=[]),
        lambda e: e["options"].update(missing="drop"),
        lambda e: e["options"].update(max_categories=0),
        lambda e: e["options"].update(max_categories=True),
        lambda e: e["options"].update(na_values="NA"),
        lambda e: e["options"].update(categorical=[1]),
        lambda e: e["options"].pop("text"),
    ]
    for change in changes:
        with pytest.raises(ModelFileError, match="the model file is damaged: "):
            load_model(saved(change))


def test_info_shows_the_encoding(trained: Path) -> None:
    shown = here("info", "m", cwd=trained).out
    assert "sex: 2 values" in shown
    assert "town: 4 values, missing" in shown
    assert (
        here("info", "m", "--json", cwd=trained).json["encoding"][3].startswith("fare: a number,")
    )


def test_exports_take_the_features_and_say_so(trained: Path) -> None:
    onnx = pytest.importorskip("onnx")
    said = "takes the 10 features that are made of 4 columns, not these"
    for name in ("m.onnx", "m.json", "m.h"):
        done = here("export", "m", name, cwd=trained)
        assert (done.code, said in done.err) == (0, True)
    model = load_model(trained / "m")
    assert model.encoding is not None
    properties = {each.key: each.value for each in onnx.load(trained / "m.onnx").metadata_props}
    described = json.loads(properties["features"])
    assert described == json.loads((trained / "m.json").read_text())["features"]
    assert [each["name"] for each in described] == list(model.feature_names or ())
    assert described[0]["kind"] == "number"
    assert described[0]["mean"] == model.encoding.columns[0].mean
    assert {"name": "sex=f", "column": "sex", "kind": "value", "value": "f"} in described
    assert 'sex=f"' in (trained / "m.h").read_text()
    done = here("export", "m", "m.onnx", "--check", "d.csv", cwd=trained)
    assert (done.code, "300 rows of d.csv" in done.out) == (0, True)


def test_options_on_columns_need_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=np.ones((4, 2)), y=[0, 1, 0, 1])
    for data in ("d.npz", "planar"):
        done = here("train", data, "--missing", "drop", cwd=tmp_path)
        assert done.code == 2
        assert f"expected a {TABLE_NAMES} file with --missing" in done.err


def test_conversion_leaves_text_out_as_ever(people: Path) -> None:
    done = here("convert", people, "X.npy", "--ignore", "age", cwd=people.parent)
    assert done.code == 0
    assert "X.npy: 6 rows, 1 features" in done.out
    assert here("convert", people, "X.npy", cwd=people.parent).code == 2


@pytest.mark.parametrize("name", ["d.csv", "d.parquet"])
def test_a_missing_number_to_be_predicted_is_reported_with_both_remedies(
    tmp_path: Path, name: str
) -> None:
    wages: list[Any] = [None, *(k / 7 for k in range(60))]
    ages = [*map(float, range(61))]
    if name == "d.csv":
        rows = [f"{a},{'' if w is None else w}" for a, w in zip(ages, wages, strict=True)]
        (tmp_path / name).write_text("\n".join(["age,wage", *rows]) + "\n")
    else:
        write_parquet(tmp_path / name, age=ages, wage=wages)
    with pytest.raises(DataError, match="missing='drop'; to predict a number choose task='regr"):
        read_table(tmp_path / name, target="wage", labels=None, dtype="float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_that_stands_for_a_missing_one_is_found_in_any_precision(
    tmp_path: Path, dtype: str
) -> None:
    cells = np.array([-0.1, 1, 2, 3], dtype)
    write_parquet(tmp_path / "d.parquet", a=cells, b=np.arange(4.0), y=["n", "y", "n", "y"])
    plan = Plan(Options(missing="drop", na_values=("-0.1",)))
    path = tmp_path / "d.parquet"
    table = read_table(path, target="y", labels=None, dtype="float64", plan=plan)
    assert table.X.tolist() == [[1, 1], [2, 2], [3, 3]]

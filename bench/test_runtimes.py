"""The programs that run exported models, here with what is installed already."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import export_speed, runtimes
from bench.exported import cases
from bench.exported.candidates import CANDIDATES, LOADERS, OWN, Candidate
from bench.exported.table import BEGIN, END, table, write_table
from gdnet.export.onnx.operators import ACTIVATIONS

pytest.importorskip("onnxruntime")

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "bench" / "results" / "amd-epyc-2-cores" / "runtimes.json"


def here(candidate: Candidate, home: Path) -> list[str]:
    """Return what runs a candidate by this interpreter."""
    home.mkdir(parents=True)
    source = OWN if candidate.loader.isdigit() else LOADERS
    return [sys.executable, str(runtimes.PARTS / "python_worker.py"), source, candidate.loader]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_runtimes_are_run_and_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ["ONNX Runtime", "onnx.reference", "gdnet's C header", "quantize_dynamic", "tract"]
    out, page = tmp_path / "out.json", tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.setattr(runtimes, "_installed", here)
    program = [
        "runtimes",
        "--json",
        out,
        "--docs",
        page,
        "--folder",
        tmp_path / "f",
        "--only",
        *names,
    ]
    monkeypatch.setattr(sys, "argv", list(map(str, program)))
    runtimes.main()
    found = {each["name"]: each for each in json.loads(out.read_text())["runtimes"]}
    assert set(found) == set(names)
    for name in names[:3]:
        facts = found[name]
        assert (facts["ran"], facts["other_labels"], facts["nan"]) == (14, 0, "NaN"), name
        assert (facts["one"], facts["none"]) == ("right", "right")
        assert 0 < facts["difference"] <= 1e-6
    assert 1e-4 < found["quantize_dynamic"]["difference"] < 0.5
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| runtime |")
    assert text.endswith(f"{END}\nafter\n")
    assert "| ONNX Runtime | 1.32.0 | text | 14 of 14 |" in text
    assert "| gdnet's C header | " in text


def test_fourteen_models_are_of_all_kinds(tmp_path: Path) -> None:
    made = cases.cases(tmp_path)
    assert len(made) == 14
    assert {case.model.activation for case in made} == set(ACTIVATIONS)
    assert {case.model.kind for case in made} == {"binary", "multiclass", "multilabel"}
    assert all(case.model.mean is not None for case in made)
    assert max(max(case.model.mean or (0,)) for case in made) > 1e5


def test_the_page_has_the_table_of_the_result() -> None:
    found = json.loads(RESULT.read_text())
    page = (ROOT / "docs" / "onnx.md").read_text()
    assert f"{BEGIN}\n{table(found)}\n{END}" in page
    shown = {each["name"]: each for each in found["runtimes"]}
    assert list(shown) == [candidate.name for candidate in CANDIDATES]
    for candidate in CANDIDATES:
        assert shown[candidate.name]["packages"] == list(candidate.packages)


def test_a_page_without_the_marks_is_left(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="not enough values"):
        write_table({"runtimes": [], "cases": []}, page)
    assert page.read_text() == "nothing"


def test_export_speed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(export_speed, "DATA", ("breast_cancer",))
    out = tmp_path / "out.json"
    words = ["--rows", "50", "--rounds", "2", "--iterations", "30", "--json", str(out)]
    monkeypatch.setattr(sys, "argv", ["export_speed", *words])
    export_speed.main()
    (found,) = json.loads(out.read_text())["results"]
    assert found["shape"] == [30, 32, 1]
    assert found["int8_changed_labels"] <= 0.01
    for name in ("one_row", "many_rows", "many_rows_probabilities"):
        values: dict[str, Any] = found[name]
        assert all(number > 0 for each in values.values() for number in each)

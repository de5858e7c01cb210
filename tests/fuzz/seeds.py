"""Files that the readers take, for the fuzzer to begin with."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from gdnet import initialise
from gdnet.checkpoint.file import Saved, encode
from gdnet.data.encoding.encoding import Options
from gdnet.data.labels.targets import output_of
from gdnet.descent import DescentState, SolverState
from gdnet.model.file import save_model
from gdnet.model.model import Model
from tests.fuzz.packers import PACKERS


def seeds(name: str) -> list[bytes]:
    """Return files that a target takes, to begin with."""
    return {
        "model": _models,
        "checkpoint": _checkpoints,
        "npy": _arrays,
        "npz": _archives,
        "history": _histories,
        "csv": _tables,
        "packed": _packed,
        "pandas": _metadata,
        "encoding": _encodings,
    }[name]()


def _models() -> list[bytes]:
    path = Path("seed")
    files = []
    for kind, classes, n2 in (
        ("binary", ("a", "b"), 1),
        ("multiclass", (0, 1, 2), 3),
        ("multilabel", None, 2),
        ("binary", (False, True), 1),
        ("regression", None, 2),
    ):
        output = output_of(kind)
        parameters = initialise(2, 3, n2, random_state=0, dtype="float32")
        spellings = ("no", "yes") if classes == (False, True) else None
        save_model(
            Model(parameters, "tanh", output, kind, classes, ("x", "y"), None, spellings), path
        )
        files.append(path.read_bytes())
    path.unlink()
    return files


def _encodings() -> list[bytes]:
    options = Options()._asdict()
    number = {"name": "n", "missing": True, "mean": 0.5}
    text = {"name": "t", "missing": False, "levels": ["a", "b"], "other": True}
    columns: list[list[dict[str, Any]]] = [[number, text], [number], [text]]
    return [json.dumps({"options": options, "columns": each}).encode() for each in columns]


def _checkpoints() -> list[bytes]:
    files = []
    for iterations, validation in ((0, None), (3, None), (3, np.ones(3))):
        numbers = np.arange(1.0, iterations + 1)
        start = initialise(2, 3, 1, random_state=0)
        passes, solver = np.arange(1, iterations + 1), SolverState(start, {"v": numbers})
        state = DescentState(solver, start, numbers, validation, numbers, passes)
        files.append(encode(Saved(state, 0.5, {"data": {"examples": 5}, "settings": {}})))
    return files


def _arrays() -> list[bytes]:
    files = []
    rows: Any = np.arange(6.0).reshape(2, 3)
    for array in (
        rows, rows.astype("<f4"), rows.astype(">f4"), np.asfortranarray(rows), rows.astype("i1"),
        rows.astype("?"), rows[0], rows.astype("U3"), rows.astype([("a", "f4")]),
    ):  # fmt: skip
        out = io.BytesIO()
        np.save(out, array)
        files.append(out.getvalue())
    out = io.BytesIO()
    np.lib.format.write_array(out, rows, version=(2, 0))
    return [*files, out.getvalue()]


def _archives() -> list[bytes]:
    files = []
    for save in (np.savez, np.savez_compressed):
        out = io.BytesIO()
        save(out, X=np.arange(6.0).reshape(3, 2), y=np.array([0, 1, 0]))
        files.append(b"\xff" + out.getvalue())  # no member of its own: the first byte is looked at
        files.append(out.getvalue())
    X, y = _arrays()[:2]
    return [*files, b"\0" + len(X).to_bytes(2, "little") + X + y]


def _tables() -> list[bytes]:
    tables = [
        b"a,b,y\n1,2,0\n3,4.5,1\n",
        b"a;b, c;y\r\n1;2;x\r\n-3e2; 4 ;y\r\n",
        b'a\t"b ""c"""\ty\n1\t"2"\t01\n3\t4\t1\n',
        b"\xef\xbb\xbfa,b,y,,\n1,true,NA,,\n2,FALSE,None,,\n",
        b'"a","y"\n"1",0.5,"u"\n"2",0.25,"v"\n',
        b'a,note,y\n1,"two\nlines",0\n2,5" x,1\n3,"x,1\n4,y,0\n',
        b"x\n0.5\n\n-1\n",
        b"0.5,1.5,0\n1,2,1\n2,3,0\n",
        b"a b y\n1 2 0\n3 4 1\n",
        b"a|b\n1|2\n",
        b' a  "b  c"\n1\t 2 \n  3 4\n',
        b"a\tb\nc\td\n\tclass\n1\tx\n2\ty\n",
        b"# note\na,b\n1,2\n",
        b'a, "b"\n1, "x"\n',
        b"sep=;\na;y\n1;2\n",
        b"a,b,y\n1,,9007199254740993\n2,,9007199254740992\n",
    ]
    return [bytes([first]) + table for table in tables for first in (0, 1, 2, 66)]


def _packed() -> list[bytes]:
    table = b"a,b\n1,2\n3,4\n"
    found = [bytes([k]) + table for k in range(4)]
    return found + [bytes([128 + k]) + pack(table) for k, (_, pack) in enumerate(PACKERS)]


def _metadata() -> list[bytes]:
    indices: tuple[Any, ...] = (
        ["__index_level_0__"],
        ["x"],
        [{"kind": "range", "name": None, "start": 0, "stop": 1, "step": 1}],
        None,
    )
    return [json.dumps({"index_columns": index, "columns": []}).encode() for index in indices]


def _histories() -> list[bytes]:
    lines = [{"iteration": i, "cost": 1 / (i + 1), "validation_cost": None} for i in range(3)]
    return ["".join(json.dumps(line) + "\n" for line in lines).encode()]

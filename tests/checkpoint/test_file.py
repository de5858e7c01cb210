"""A checkpoint file is what was saved, or it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from gdnet.checkpoint.file import METADATA_KEY, Saved, _checksum, _decoded, encode, load
from gdnet.descent import DescentState, SolverState
from gdnet.errors import CheckpointError
from gdnet.parameters import initialise


def saved(iterations: int = 3, **changed: Any) -> Saved:
    numbers = np.arange(1.0, iterations + 1)
    start = initialise(2, 3, 1, random_state=0)
    passes = np.arange(1, iterations + 1)
    state = DescentState(SolverState(start, {}), start, 1 / numbers, None, numbers, passes)
    return Saved(state._replace(**changed), 0.25, {"data": {"examples": 5}, "settings": {}})


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def forged(header: dict[str, Any], arrays: dict[str, Any] | None = None) -> bytes:
    """A file with any content and the right checksum."""
    if arrays is None:
        state = saved().state
        arrays = state.parameters._asdict()
        arrays |= {"costs": state.costs, "seconds": state.seconds, "passes": state.passes}
    whole = (
        {"checksum": "0" * 64, "format_version": 3, "cost": None, "end": None}
        | {"converged": False, "identity": {}, "best": None}
        | header
    )
    content: bytes = safetensors.numpy.save(arrays, {METADATA_KEY: json.dumps(whole)})
    at = content.index(b"0" * 64)
    return content[:at] + _checksum(content, at).encode() + content[at + 64 :]


@pytest.mark.parametrize("iterations", [0, 1, 1000])
@pytest.mark.parametrize(("dtype", "converged"), [("float32", True), ("float64", False)])
def test_round_trip(tmp_path: Path, iterations: int, dtype: str, converged: bool) -> None:
    parameters = initialise(2, 3, 1, random_state=0, dtype=dtype)
    fortran = parameters._replace(W1=np.asfortranarray(parameters.W1))
    validation = np.full(iterations, np.inf)
    remembered = {"gradient": np.arange(3.0), "pairs": np.zeros((0, 3))}
    before = saved(
        iterations,
        solver_state=SolverState(fortran, remembered),
        validation_costs=validation,
        converged=converged,
        end="no step down" if converged else None,
    )
    after = load(write(tmp_path / "c", encode(before)))
    assert (after.cost, after.identity) == (before.cost, before.identity)
    for one, other in zip(after.state.parameters, parameters, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert after.state.solver_state.memory.keys() == remembered.keys()
    for name, array in remembered.items():
        np.testing.assert_array_equal(after.state.solver_state.memory[name], array)
    for record in ("costs", "validation_costs", "seconds", "passes"):
        np.testing.assert_array_equal(*(getattr(s.state, record) for s in (after, before)))
    assert after.state.converged is converged
    assert after.state.end == before.state.end
    assert encode(after) == encode(before)


def test_any_safetensors_reader_can_open_it(tmp_path: Path) -> None:
    arrays = safetensors.numpy.load_file(write(tmp_path / "c", encode(saved())))
    assert set(arrays) == {"W1", "b1", "W2", "b2", "costs", "seconds", "passes"}


def test_every_flipped_bit_is_noticed() -> None:
    content = encode(saved())
    for i in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[i] ^= 1 << bit
            with pytest.raises(CheckpointError):
                _decoded(bytes(flipped))


def test_every_truncation_and_addition_is_noticed(tmp_path: Path) -> None:
    content = encode(saved())
    for length in range(len(content)):
        with pytest.raises(CheckpointError):
            _decoded(content[:length])
    for damaged in (content[:5], content[:-1], content + b"\0"):
        with pytest.raises(CheckpointError, match="c: "):
            load(write(tmp_path / "c", damaged))


def test_torn_pages_are_noticed(tmp_path: Path) -> None:
    content = encode(saved(2000))
    for lo in range(0, len(content), 4096):
        torn = content[:lo] + bytes(len(content[lo : lo + 4096])) + content[lo + 4096 :]
        with pytest.raises(CheckpointError, match="c: "):
            load(write(tmp_path / "c", torn))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected a checkpoint of gdnet, got something else"),
        (b"a,y\n1,0\n" * 9, "expected a checkpoint of gdnet, got something else"),
        (b"\xff" * 100, "expected a checkpoint of gdnet, got something else"),
        ((8).to_bytes(8, "little") + b"[[[[[[[[", "expected a checkpoint of gdnet"),
        ((10**6).to_bytes(8, "little") + b"[" * 10**6, "expected a checkpoint of gdnet"),
        (safetensors.numpy.save({"x": np.zeros(3)}), "expected a checkpoint of gdnet"),
        (forged({"format_version": 1}), "format version 3, got 1; resume with the gdnet"),
        (forged({"format_version": "1"}), "format version 3, got '1'"),
        (forged({"identity": None}), "damaged: its description is not readable"),
        (forged({"converged": 1}), "damaged: its description is not readable"),
        (forged({"end": 1}), "damaged: its description is not readable"),
        (forged({"cost": "x"}), "damaged: its description is not readable"),
        (forged({}, {"x": np.zeros(3)}), r"damaged: expected the arrays \['W1', .*got \['x'\]"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(CheckpointError, match=rf"c: .*{said}"):
        load(write(tmp_path / "c", content))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"W1": np.zeros((3, 2), np.int64)}, "expected parameters of float32 or of float64"),
        ({"b1": np.zeros((3, 1), np.float32)}, "expected parameters of float32 or of float64"),
        ({"W1": np.zeros(3)}, "with two dimensions"),
        ({"W2": np.zeros((1, 4))}, r"W2: expected shape \(1, 3\), got \(1, 4\)"),
        ({"costs": np.zeros(4)}, "as many times and passes as costs"),
        ({"costs": np.zeros((3, 1))}, "as many times and passes as costs"),
        ({"seconds": np.zeros(3, np.float32)}, "as many times and passes as costs, in float64"),
        ({"passes": np.zeros(3)}, "as many times and passes as costs, in float64 and int64"),
        ({"costs": np.array([1, np.nan, 1])}, "a cost or a time is not finite"),
        ({"validation_costs": np.zeros(2)}, "as many times and passes as costs"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    state = saved().state
    arrays = state.parameters._asdict()
    arrays |= {"costs": state.costs, "seconds": state.seconds, "passes": state.passes} | changed
    with pytest.raises(CheckpointError, match=f"damaged: .*{said}"):
        load(write(tmp_path / "c", forged({}, arrays)))


def test_description_that_lacks_something(tmp_path: Path) -> None:
    for name in ("cost", "converged", "identity", "best"):
        content = forged({"x" * len(name): 0})
        content = content.replace(name.encode(), b"y" * len(name), 1)
        at = content.index(b'checksum\\": \\"') + len(b'checksum\\": \\"')
        content = content[:at] + _checksum(content, at).encode() + content[at + 64 :]
        with pytest.raises(CheckpointError, match="its description is not complete"):
            load(write(tmp_path / "c", content))


def test_checksum_in_other_letters(tmp_path: Path) -> None:
    content = forged({})
    at = content.index(b'checksum\\": \\"') + len(b'checksum\\": \\"')
    escaped = rb"\\u00" + b"%02x" % content[at]
    length = int.from_bytes(content[:8], "little")
    content = content[:at] + escaped + content[at + 1 :]
    padding = b" " * (-(len(escaped) - 1) % 8)
    end = 8 + length + len(escaped) - 1
    content = content[:end] + padding + content[end:]
    header = length + len(escaped) - 1 + len(padding)
    with pytest.raises(CheckpointError, match="its checksum is wrong"):
        load(write(tmp_path / "c", header.to_bytes(8, "little") + content[8:]))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="c: cannot be read: No such file"):
        load(tmp_path / "c")

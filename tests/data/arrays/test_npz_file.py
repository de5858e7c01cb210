"""Archives from anywhere: what they claim is checked before anything is unpacked."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data import storage
from gdnet.data.arrays import npz_file
from gdnet.data.arrays.npz_file import load_npz
from gdnet.errors import DataError
from tests.support.command import here


def npy(array: Any, shape: tuple[int, ...] | None = None) -> bytes:
    """An array as a .npy file, maybe with another shape in its header."""
    out = io.BytesIO()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape}
    np.lib.format.write_array_header_1_0(out, header)
    content: bytes = array.tobytes()
    return out.getvalue() + content


def archive(path: Path, *members: tuple[str, bytes], packed: bool = False) -> Path:
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def peak_of_refusing(path: Path, said: str) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=said):
            load_npz(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


X, Y = np.ones((5, 2)), np.arange(5)


@pytest.mark.parametrize("packed", [True, False])
def test_what_numpy_saves_is_loaded(tmp_path: Path, packed: bool) -> None:
    save = np.savez_compressed if packed else np.savez
    save(tmp_path / "d.npz", X=X, y=Y, another=np.zeros(3))
    found = load_npz(tmp_path / "d.npz")
    np.testing.assert_array_equal(found["X"], X)
    np.testing.assert_array_equal(found["y"], Y)
    assert set(found) == {"X", "y"}


@pytest.mark.parametrize("shape", [(2**40,), (10**6, 10**6), (2**62, 2**62), (6, 2), (4, 2)])
def test_shape_that_the_file_does_not_have(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = archive(tmp_path / "d.npz", ("X.npy", npy(X, shape)))
    assert peak_of_refusing(path, r"X\.npy is to have \d+ bytes and has") < 2**20


def test_negative_shape(tmp_path: Path) -> None:
    path = archive(tmp_path / "d.npz", ("X.npy", npy(X, (-5, -2))))
    peak_of_refusing(path, r"a shape of \(-5, -2\) is none")


def test_one_hot_features_are_no_bomb(tmp_path: Path) -> None:
    ones = np.zeros((2**16, 2**10), np.uint8)  # 64 MiB, and a header
    ones[:, 7] = 1
    path = archive(tmp_path / "d.npz", ("X.npy", npy(ones)), packed=True)
    assert 300 * path.stat().st_size < 2**26
    np.testing.assert_array_equal(load_npz(path)["X"], ones)


def test_bomb(tmp_path: Path) -> None:
    zeros = np.zeros((2**16, 2**10), np.uint8)
    path = tmp_path / "d.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as packed:  # NumPy packs with DEFLATE alone
        packed.writestr("X.npy", npy(zeros))
    assert path.stat().st_size < 2**10
    assert peak_of_refusing(path, "smaller than numpy.savez_compressed packs anything") < 2**20
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as packed:
        packed.writestr("X.npy", npy(zeros[:64]))
    np.testing.assert_array_equal(load_npz(path)["X"], zeros[:64])


def test_member_that_is_no_array(tmp_path: Path) -> None:
    path = archive(tmp_path / "d.npz", ("X", b"text"), ("y.npy", npy(X)))
    peak_of_refusing(path, "expected arrays named X and y, got")


def test_name_that_is_there_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(tmp_path / "d.npz", ("X.npy", npy(X)), ("X.npy", npy(X + 1)))
    peak_of_refusing(path, r"expected one array of a name, got several X\.npy")


def test_more_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "d.npz", X=np.ones((1000, 2)), y=np.arange(1000) % 2)
    for module in (npz_file, storage):
        monkeypatch.setattr(module, "available_memory", lambda: 1000)
    done = here("train", "d.npz", "--quiet", cwd=tmp_path)
    assert done.code == 2
    assert "expected 0.0 GiB of memory for X and y, 0.0 GiB are free; save X as a .npy" in done.err


def test_objects_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", X=np.array([{}, 1], object))
    peak_of_refusing(tmp_path / "d.npz", "an array of Python objects, which is never loaded")


def test_names_that_lead_elsewhere_are_not_written_to(tmp_path: Path) -> None:
    path = archive(tmp_path / "d.npz", ("../X.npy", npy(X)), ("/tmp/X.npy", npy(X)))
    peak_of_refusing(path, "expected arrays named X and y")
    assert [p.name for p in tmp_path.iterdir()] == ["d.npz"]

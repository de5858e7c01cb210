"""Reading .npz, from anywhere: what it claims to hold is checked before anything is unpacked."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from gdnet._typing import HostArray
from gdnet.backends.host import available_memory
from gdnet.data.arrays.npy_file import no_objects
from gdnet.data.arrays.row_file import read_header
from gdnet.data.formats import NPY
from gdnet.data.storage import fits_in_memory, say_in_memory
from gdnet.errors import DataError

# Beyond the second number of bytes an archive may unpack to so many times its own size: what
# numpy.savez_compressed packs with is at most 1032 times smaller, and one-hot features come near.
MAX_TIMES_LARGER = 1100
LARGE = 2**26


def load_npz(path: Path) -> dict[str, HostArray]:
    """Return those of the arrays X and y that a .npz file has.

    Raises
    ------
    DataError
        If the file is damaged, has no X, holds objects or a name twice, or unpacks to more than
        the memory, or than numbers are ever packed into so little.
    """
    with path.open("rb") as file:  # by name, a file that may not be read would be none either
        is_archive = zipfile.is_zipfile(file)
    if not is_archive:
        raise DataError(
            f"{path}: expected a complete .npz archive, got a file that is none; "
            "save it with numpy.savez(file, X=X, y=y)"
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if f"X{NPY}" not in archive.zip.namelist():
                raise DataError(
                    f"{path}: expected arrays named X and y, got {_listed(archive.files)}"
                )
            say_in_memory(path, _check_claims(path, archive.zip))
            members = archive.zip.namelist()
            return {key: archive[key] for key in ("X", "y") if f"{key}{NPY}" in members}
    except (DataError, OSError):
        raise
    except Exception as error:
        # A damaged header is parsed as Python and may raise nearly anything.
        if "Object arrays" in str(error):
            raise no_objects(path) from None
        raise DataError(
            f"{path}: expected a .npz archive of numbers, got one that cannot be read ({error}); "
            "save it again with numpy.savez(file, X=X, y=y)"
        ) from None


def _listed(names: list[str]) -> str:
    """Return the names of arrays, and how to save them as X and y."""
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    kept = [next((n for n in names if n.lower().startswith(k)), None) for k in ("x", "y")]
    if None in kept:
        return f"{shown or 'none'}; save with numpy.savez(file, X=X, y=y)"
    X, y = kept
    return f"{shown}; with d = numpy.load(file) save numpy.savez(new, X=d[{X!r}], y=d[{y!r}])"


def _check_claims(path: Path, archive: zipfile.ZipFile) -> int:
    """Return the bytes of the arrays X and y.

    Raise unless they are there once, as long as their headers say, and fit.
    """
    members = [info for info in archive.infolist() if info.filename in ("X.npy", "y.npy")]
    names = [info.filename for info in members]
    if len(set(names)) < len(names):
        raise DataError(f"{path}: expected one array of a name, got several {max(names)}")
    need = sum(info.file_size for info in members)
    if not fits_in_memory(need):
        free = (available_memory() or 0) / 2**30
        raise DataError(
            f"{path}: expected {need / 2**30:.1f} GiB of memory for X and y, {free:.1f} GiB are "
            "free; save X as a .npy file, which is read as it is needed"
        )
    if need > max(LARGE, MAX_TIMES_LARGER * path.stat().st_size):
        raise DataError(
            f"{path}: expected numbers, got {need / 2**30:.1f} GiB packed into "
            f"{path.stat().st_size:,} bytes, smaller than numpy.savez_compressed packs anything; "
            "save them with numpy.savez"
        )
    for info in members:
        with archive.open(info) as member:
            shape, _, dtype = read_header(member)
            size = math.prod(shape) * dtype.itemsize + member.tell()
        if size != info.file_size and not dtype.hasobject:
            raise ValueError(f"{info.filename} is to have {size} bytes and has {info.file_size}")
    return need

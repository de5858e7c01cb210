"""Good and bad files, and what is said of a user's mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, safe_open, save_file

from tests.support.command import Done, here, snapshot, write_csv

M = 40
NAMES = ["a", "b", "c"]


def write_files(folder: Path) -> None:
    """Write good and bad files, and a model."""
    random = np.random.RandomState(0)
    X = random.randn(M, 3)
    y = np.arange(M) % 2

    write_csv(folder / "good.csv", X, y, [*NAMES, "y"])
    write_csv(folder / "other.csv", X, y, ["a", "b", "d", "y"])
    np.savez(folder / "good.npz", X=X, y=y)
    np.save(folder / "good.npy", X)
    np.save(folder / "labels.npy", y)

    (folder / "empty.csv").touch()
    (folder / "empty.npy").touch()
    (folder / "header.csv").write_text("a,b,c,y\n")
    (folder / "folder.csv").mkdir()
    for name in ("data.dat", "data.csv.gz", "data.npy.zst"):
        (folder / name).write_text("a\n1\n")
    lines = (folder / "good.csv").read_text().splitlines()
    (folder / "ragged.csv").write_text("\n".join([*lines[:10], "1,2,3", *lines[10:]]))
    (folder / "word.csv").write_text("\n".join([*lines[:10], "1,two,3,0", *lines[10:]]))
    for word in ("nan", "inf", ""):
        changed = "\n".join([*lines[:10], f"1,{word},3,0", *lines[10:]])
        (folder / f"with_{word or 'hole'}.csv").write_text(changed)
    for name, value in (("nan", np.nan), ("inf", -np.inf)):
        wrong = X.copy()
        wrong[7, 2] = value
        np.save(folder / f"with_{name}.npy", wrong)
        np.savez(folder / f"with_{name}.npz", X=wrong, y=y)

    np.savez(folder / "one_class.npz", X=X, y=np.zeros(M, int))
    np.savez(folder / "three_classes.npz", X=X, y=np.arange(M) % 3)
    np.savez(folder / "no_y.npz", X=X)
    np.savez(folder / "no_features.npz", X=X[:, :0], y=y)
    np.save(folder / "no_features.npy", X[:, :0])
    np.save(folder / "flat.npy", X[:, 0])
    np.save(folder / "wide.npy", random.randn(M, 4))
    np.save(folder / "short_labels.npy", y[:-1])
    np.save(folder / "objects.npy", np.array([{"a": 1}] * M), allow_pickle=True)
    np.savez(folder / "objects.npz", X=np.array([["1", 2]] * M, object), y=y)
    whole = (folder / "good.npy").read_bytes()
    (folder / "truncated.npy").write_bytes(whole[: len(whole) // 2])
    (folder / "truncated.npz").write_bytes((folder / "good.npz").read_bytes()[:200])

    train = ["train", "good.csv", "--target", "y", "--iterations", 3, "--out", "model"]
    assert here(*train, cwd=folder).code == 0
    train = ["train", "good.npz", "--iterations", 3, "--out", "unnamed_model"]
    assert here(*train, cwd=folder).code == 0
    model = (folder / "model").read_bytes()
    (folder / "truncated_model").write_bytes(model[:-10])
    (folder / "empty_model").touch()
    arrays = load_file(folder / "model")
    with safe_open(folder / "model", "np") as file:
        header = file.metadata()["gdnet"]
    later = header.replace('"format_version": 1', '"format_version": 2')
    assert later != header
    save_file(arrays, folder / "later_model", {"gdnet": later})
    save_file(arrays, folder / "foreign_model")


def refused(folder: Path, arguments: str, *said: str, command: Callable[..., Done] = here) -> None:
    before = snapshot(folder)
    done = command(*arguments.split(" "), cwd=folder)
    assert done.code == 2, done
    assert done.out == ""
    assert "Traceback" not in done.err
    lines = done.err.splitlines()
    if lines[0].startswith("usage: gdnet"):
        name = arguments.split(" ")[0]
        assert lines[-1].startswith((f"gdnet {name}: error: ", "gdnet: error: "))
    else:
        assert len(lines) == 1, done.err
        assert lines[0].startswith("gdnet: ")
    for words in said:
        assert words in lines[-1]
    assert snapshot(folder) == before

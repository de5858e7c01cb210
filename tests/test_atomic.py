"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gdnet.atomic import check_writable, replacing
from gdnet.errors import DataError


def write(path: str | Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_new_and_old_file(tmp_path: Path) -> None:
    write(tmp_path / "f", b"one")
    write(str(tmp_path / "f"), b"two")
    assert (tmp_path / "f").read_bytes() == b"two"
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_old_file_stays_if_writing_fails(tmp_path: Path, error: type[BaseException]) -> None:
    def write_half() -> None:
        with replacing(tmp_path / "f") as file:
            file.write(b"half of the n")
            file.flush()
            assert (tmp_path / "f").read_bytes() == b"old"
            raise error

    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(error):
        write_half()
    assert (tmp_path / "f").read_bytes() == b"old"
    assert names(tmp_path) == ["f"]


def test_old_file_stays_if_it_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "f").write_bytes(b"old")
    monkeypatch.setattr("gdnet.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"old"
    assert names(tmp_path) == ["f"]


def test_reader_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with (tmp_path / "f").open("rb") as reader:
        write(tmp_path / "f", b"new")
        assert reader.read() == b"old"


def test_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    target, link = tmp_path / "there" / "f", tmp_path / "here" / "link"
    target.write_bytes(b"old")
    link.symlink_to("../there/f")
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert not target.is_symlink()
    assert (names(tmp_path / "here"), names(tmp_path / "there")) == (["link"], ["f"])


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    with umask(mask):
        write(tmp_path / "f", b"x")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode


@pytest.mark.parametrize("name", ["n" * 255, "名" * 85])
def test_longest_name(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, b"x")
    assert names(tmp_path) == [name]


def test_two_at_a_time(tmp_path: Path) -> None:
    with replacing(tmp_path / "f") as first, replacing(tmp_path / "f") as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "f").read_bytes() == b"first"
    assert names(tmp_path) == ["f"]


def test_where_no_file_can_be_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name, said in (
        ("folder", "it is a folder"),
        ("pipe", "it is not a regular file"),
        ("missing/f", "missing does not exist; create it first"),
        ("file/f", "file does not exist; create it first"),
        ("n" * 256, "cannot be written: File name too long"),
    ):
        with pytest.raises(DataError, match=said):
            check_writable(tmp_path / name)
        with pytest.raises(DataError, match=said):
            write(tmp_path / name, b"x")
    with pytest.raises(DataError, match="got an empty one"):
        check_writable("")
    assert names(tmp_path) == ["file", "folder", "pipe"]


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdnet.atomic.os.access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(DataError, match="no permission to write in the folder"):
        write(tmp_path / "f", b"x")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="a process that was killed is Linux's and macOS's")
def test_what_a_killed_process_has_left_is_removed_and_what_others_write_is_not(
    tmp_path: Path,
) -> None:
    code = "import os, signal, sys\nfrom gdnet.atomic import replacing\n"
    code += "with replacing(sys.argv[1]) as file:\n"
    code += "    file.write(b'half')\n    file.flush()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "f")])
    assert done.returncode == -9
    (orphan,) = names(tmp_path)
    assert orphan.startswith(".gdnet-")
    (tmp_path / ".gdnet-link.tmp").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_bytes(b"precious")
    with replacing(tmp_path / "g") as being_written:
        being_written.write(b"g")
        write(tmp_path / "f", b"new")
        assert orphan not in names(tmp_path)
    assert (tmp_path / "g").read_bytes() == b"g"
    assert names(tmp_path) == [".gdnet-link.tmp", "f", "g", "precious"]
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_file_system_without_locks_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".gdnet-other.tmp").touch()
    write(tmp_path / "f", b"one")
    assert names(tmp_path) == [".gdnet-other.tmp", "f"]

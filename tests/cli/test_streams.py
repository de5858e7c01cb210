"""What goes to which stream, and streams that are closed, full or left by their reader."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gdnet.model.file import load_model
from tests.support.command import command, environment, gdnet, here, train, unexpected


def test_results_go_to_stdout_and_all_else_to_stderr(sixty_rows: Path) -> None:
    arguments = ["train", "d.npz", "--iterations", 2, "--out", "m"]
    loud = gdnet(*arguments, cwd=sixty_rows)
    quiet = gdnet(*arguments, "--quiet", cwd=sixty_rows)
    for done, model in ((loud, "m"), (quiet, r"m \(replaced\)")):
        assert done.code == 0
        assert re.search(r"^data +d\.npz: 60 examples, 3 features, 2 classes$", done.out, re.M)
        assert re.search(rf"^model +{model}$", done.out, re.M)
    assert re.fullmatch(r"gdnet: device (cpu|cuda:\d) \([^\n]+\)\n", loud.err)
    assert quiet.err == ""


def test_ignored_columns_are_reported_unless_quiet(tmp_path: Path) -> None:
    lines = ["a,town,y", *(f"{i}.5,London,{i % 2}" for i in range(20))]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    train = ["train", "d.csv", "--target", "y", "--iterations", 2, "--device", "cpu", "--out", "m"]
    train += ["--text", "ignore"]
    ignored = "town (text such as 'London')"
    said = unexpected(here(*train, cwd=tmp_path).err)
    assert said == f"gdnet: ignored columns: {ignored}\n"
    quiet = here(*train, "--quiet", cwd=tmp_path)
    assert quiet.err == ""
    assert f"1 feature, 2 classes; ignored: {ignored}\n" in quiet.out
    facts = here(*train, "--quiet", "--json", cwd=tmp_path).json
    assert facts["ignored"] == ["town"]
    assert facts["ignored_why"] == ["text such as 'London'"]


def test_quiet_does_not_hide_an_error(sixty_rows: Path) -> None:
    done = gdnet("predict", "nothing", "d.npz", "--quiet", cwd=sixty_rows)
    assert done.code == 2
    assert done.err == "gdnet: nothing: expected a model file, but it does not exist\n"


def test_reader_of_the_output_may_leave(sixty_rows: Path) -> None:
    X = np.zeros((200_000, 3), np.float32)
    np.save(sixty_rows / "many.npy", X)
    train(sixty_rows, "d.npz", "--iterations", 2)
    predict = subprocess.Popen(
        command("predict", "m", "many.npy", "--proba", "--quiet"),
        cwd=sixty_rows,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert predict.stdout is not None
    assert predict.stderr is not None
    assert predict.stdout.readline() == b"probability_0,probability_1\n"
    predict.stdout.close()
    with predict.stderr as stderr:
        assert stderr.read() == b""
    assert predict.wait(timeout=60) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "closed"),
    [
        ("info", 0, ">&-"),
        ("train d.npz --quiet", 0, "<&- >&- 2>&-"),
        ("info x", 2, "2>&-"),
        *(
            pytest.param(*other, marks=pytest.mark.slow)
            for other in (
                *(("info", 0, closed) for closed in ("2>&-", "<&- >&- 2>&-")),
                *(("train d.npz --quiet", 0, closed) for closed in (">&-", "2>&-")),
                *(("info x", 2, closed) for closed in (">&-", "<&- >&- 2>&-")),
            )
        ),
    ],
)
def test_closed_outputs_lead_nowhere(
    sixty_rows: Path, arguments: str, code: int, closed: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(command(*arguments.split()))} {closed}"],
        cwd=sixty_rows,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_nobody_reads_the_output(sixty_rows: Path) -> None:
    unread, write = os.pipe()
    os.close(unread)
    with open(write, "wb") as stdout:  # noqa: PTH123 - a descriptor, not a path
        done = subprocess.run(
            command("info"),
            cwd=sixty_rows,
            env=environment(),
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_one_sentence(sixty_rows: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("info"),
            cwd=sixty_rows,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "gdnet: No space left on device\n"


def test_file_name_that_is_no_text(sixty_rows: Path) -> None:
    name = b"\xff.npz"
    (sixty_rows / "d.npz").rename(sixty_rows / name.decode("utf-8", "surrogateescape"))
    options = ["--iterations", "2", "--out", "m", "--quiet"]
    train: list[str | bytes] = [*command("train"), name, *options]
    done = subprocess.run(train, cwd=sixty_rows, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "60 examples" in done.stdout
    assert load_model(sixty_rows / "m").training["examples"] == 60

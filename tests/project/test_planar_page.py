"""The interactive lab: the same numbers as gdnet, under node and in a browser."""

from __future__ import annotations

import html
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet import ArraySource, FullBatch, descend, get_backend, initialise
from gdnet.data.builtin import load_builtin
from tests.support.checkout import ROOT

DOCS = ROOT / "docs"
# Before the jump at the edge of stability, where the last digit decides.
ITERATIONS = 7001
NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def costs_of_gdnet(
    n1: int, activation: str, rate: float, scale: float | str, iterations: int
) -> Any:
    table = load_builtin("planar", "float64")
    assert table.target is not None
    source = ArraySource(table.X.T, table.target[np.newaxis])
    gradient = FullBatch(source, get_backend("cpu"), n1=n1, activation=activation, dtype="float64")
    start = initialise(2, n1, 1, random_state=2, init_scale=scale)
    return descend(gradient, start, learning_rate=rate, iterations=iterations).costs


@pytest.fixture(scope="module")
def facts() -> Any:
    """What the page gets from gdnet when it is built."""
    return json.loads(json.dumps(runpy.run_path(str(DOCS / "_ext/lab_facts.py"))["lab_facts"]()))


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize(
    ("n1", "activation", "rate", "start", "scale", "iterations"),
    [
        (4, "tanh", 1.2, "lab", 0.01, ITERATIONS),
        (20, "tanh", 1.2, "auto", "auto", 300),
        (3, "sigmoid", 1.2, "lab", 0.01, 500),
        (5, "relu", 0.5, "auto", "auto", 300),
        (50, "leaky_relu", 0.5, "auto", "auto", 100),
        (1, "identity", 1.2, "lab", 0.01, 300),
        (4, "tanh", 1.2, "zeros", 0.0, 50),
    ],
)
def test_equations_in_javascript(
    facts: Any, n1: int, activation: str, rate: float, start: str, scale: Any, iterations: int
) -> None:
    code = f"""
const lecture = require({json.dumps(str(DOCS / "_static/lecture.js"))});
const facts = JSON.parse(require("fs").readFileSync(0));
const [X, Y] = [lecture.matrix(facts.X), lecture.matrix(facts.Y)];
const g1 = lecture.activations.{activation};
let parameters = lecture.start(facts.normals[{n1}], "{start}");
const costs = [];
for (let i = 0; i < {iterations}; i++) {{
  const computed = lecture.forward(parameters, X, g1);
  costs.push(lecture.cost(computed, Y));
  const gradients = lecture.backward(parameters, X, Y, computed, g1);
  parameters = lecture.update(parameters, gradients, {rate});
}}
console.log(JSON.stringify(costs));
"""
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(facts), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    expected = costs_of_gdnet(n1, activation, rate, scale, iterations)
    np.testing.assert_allclose(json.loads(done.stdout), expected, rtol=1e-9)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, built without a warning."""
    pytest.importorskip("sphinx")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-E", "-d", str(out / "doctrees")]
    done = subprocess.run(
        [*command, str(DOCS), str(out / "html")], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    return out / "html"


@pytest.mark.slow
def test_the_site_needs_no_network(site: Path) -> None:
    loads = re.compile(
        r"""<(?:script|img|iframe)[^>]*\ssrc="(?:https?:)?//|"""
        r"""<link[^>]*\srel="(?:stylesheet|preload|preconnect)"[^>]*\shref="(?:https?:)?//|"""
        r"""url\(["']?(?:https?:)?//|@import\s"""
    )
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > 20
    for file in files:
        assert not loads.search(file.read_text()), file


@pytest.mark.slow
def test_the_site_has_every_command_and_the_equations(site: Path) -> None:
    from gdnet.cli.main import COMMANDS

    commands = (site / "cli.html").read_text()
    for command in COMMANDS:
        assert f'id="gdnet-{command.__name__.rpartition(".")[2]}"' in commands
    assert "--learning-rate" in commands
    lecture = (site / "lecture.html").read_text()
    assert lecture.count('class="beside') == 10
    assert "<math" in lecture
    results = list((ROOT / "bench/results").rglob("*.md"))
    benchmarks = (site / "benchmarks.html").read_text()
    assert all(path.name in benchmarks for path in results)


def browse(page: Path, hash_: str, folder: Path) -> str:
    """Return the page as it is when its scripts have run."""
    assert CHROMIUM is not None
    quiet = ("background-networking", "component-update", "sync", "quic", "gpu")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--no-first-run"]
    command += [f"--disable-{name}" for name in quiet]
    command += [f"--user-data-dir={folder}", "--virtual-time-budget=60000", "--dump-dom"]
    done = subprocess.run(
        [*command, f"{page.as_uri()}#{hash_}"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return html.unescape(done.stdout)


def fact(page: str, name: str) -> float:
    found = re.search(rf'data-fact="{name}" data-value="([^"]+)"', page)
    assert found, f"no {name} on the page"
    return float(found[1])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_page_in_a_browser(site: Path, tmp_path: Path) -> None:
    page = browse(site / "planar.html", f"iterations={ITERATIONS - 1}", tmp_path)
    logged = {
        int(iteration): float(cost)
        for iteration, cost in re.findall(
            r'<tr data-iteration="(\d+)"><td>[\d,]+</td><td data-value="([\d.]+)">', page
        )
    }
    assert sorted(logged) == list(range(0, ITERATIONS - 1, 1000))
    expected = costs_of_gdnet(4, "tanh", 1.2, 0.01, ITERATIONS)
    for iteration, cost in logged.items():
        assert cost == pytest.approx(expected[iteration], rel=1e-9)
    assert fact(page, "iteration") == ITERATIONS - 1
    assert fact(page, "cost") == pytest.approx(expected[ITERATIONS - 1], rel=1e-9)
    assert 0.9 <= fact(page, "accuracy") <= 0.91
    assert "0.288083" in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_step_play_and_reset(site: Path, tmp_path: Path) -> None:
    clicks = """<script>
addEventListener("load", () => {
  const { step, play, reset, hidden } = document.querySelector("#planar-lab form").elements;
  const value = (name) => document.querySelector(`[data-fact="${name}"]`).dataset.value;
  const said = [];
  step.click(); step.click(); said.push(value("iteration"), value("cost"));
  hidden.value = "3"; hidden.dispatchEvent(new Event("change"));
  said.push(value("iteration"), location.hash);
  play.click(); said.push(play.textContent);
  setTimeout(() => {
    play.click(); said.push(play.textContent, value("iteration"));
    reset.click(); said.push(value("iteration"));
    const shown = Object.assign(document.createElement("pre"), { id: "said" });
    shown.textContent = JSON.stringify(said);
    document.body.append(shown);
  }, 1000);
});
</script>"""
    page = site / "planar.html"
    clicked = site / "clicked.html"  # beside the page, so that its links lead somewhere
    clicked.write_text(page.read_text().replace("</body>", clicks + "</body>"))
    shown = re.search(r'<pre id="said">(.*?)</pre>', browse(clicked, "", tmp_path))
    assert shown
    after2, cost2, new, hash_, playing, paused, played, reset = json.loads(shown[1])
    assert (after2, new, hash_, playing, paused, reset) == (
        *("2", "0", "#hidden=3", "Pause", "Play", "0"),
    )
    assert float(cost2) == pytest.approx(costs_of_gdnet(4, "tanh", 1.2, 0.01, 3)[2], rel=1e-12)
    assert int(played) >= 10

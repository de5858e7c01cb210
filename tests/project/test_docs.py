"""The documentation: every block of code on every page is run, and says what the page says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from gdnet.errors import DeviceUnavailable

pytest.importorskip("sybil")

from tests.support.checkout import ROOT
from tests.support.documents import LANGUAGES, Runner, fences

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
# Directives that show nothing to run.
DIRECTIVES = {
    *("{toctree}", "{include}", "{eval-rst}", "{equation}", "{bench-results}", "{planar-lab}"),
    *("{picture}", "{valley}", "{note}", "{literalinclude}"),
}


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_page_runs(page: Path, tmp_path: Path) -> None:
    if "picture" in page.read_text():
        pytest.importorskip("matplotlib")
    document = Runner().run(page, tmp_path)
    blocks = [fence for fence in fences(page) if fence.strip("{}") in LANGUAGES]
    assert len(list(document.examples())) == len(blocks)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_fence_is_of_a_kind_that_is_run_or_shows_no_code(page: Path) -> None:
    assert set(fences(page)) <= {*LANGUAGES, *DIRECTIVES}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_equation_can_be_quoted() -> None:
    pytest.importorskip("sphinx")
    quotation = runpy.run_path(str(DOCS / "_ext/equation.py"))["quotation"]
    for function, count in (("forward", 4), ("backward", 6)):
        for number in range(1, count + 1):
            quoted = quotation(function, number)
            assert re.fullmatch(r"\(n\d, (m|n\d|1)\)", quoted.shape), (function, number)
            compile(quoted.code, f"{function} {number}", "exec")
    assert quotation("backward", 1).code == "dZ2 = A2 - Y"


def test_gpu_guide_has_every_reason_for_a_missing_device() -> None:
    guide = (DOCS / "gpu.md").read_text()
    assert DeviceUnavailable.__doc__
    reasons = re.findall(r'``"([a-z-]+)"``', DeviceUnavailable.__doc__)
    assert len(reasons) > 10
    for reason in reasons:
        assert f"`{reason}`" in guide, reason


def test_pages_are_found() -> None:
    names = {name_of(page) for page in PAGES}
    assert names >= {"index.md", "quickstart.md", "lecture.md", "zeros.md", "gpu.md", "faq.md"}


def test_a_page_that_says_something_else_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    with pytest.raises(AssertionError, match=r"line 5: expected\n3\n\ngot\n2"):
        Runner().run(page, tmp_path)
    for wrong in ("gdnet train none.csv --target y", "gdnet info none", "rm -r everything"):
        page.write_text(f"```sh\n{wrong}\n```\n")
        with pytest.raises(AssertionError, match=wrong):
            Runner().run(page, tmp_path)

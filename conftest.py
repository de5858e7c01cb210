"""The options --device, --slow and --no-skips, shared by tests/ and bench/."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

# The tests of a wheel run in a folder without the sources, so that they import what is installed.
HAS_SOURCES = (Path(__file__).parent / "gdnet" / "equations.py").is_file()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device",
        default="auto",
        metavar="cpu|cuda|auto",
        help="cpu: no CUDA tests; cuda: CUDA tests must run, a missing GPU is a failure; "
        "auto (default): CUDA tests run where there is a GPU and are skipped elsewhere",
    )
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skipped = {}
    if not config.getoption("--slow"):
        skipped["slow"] = pytest.mark.skip(reason="slow: run with --slow")
    if not HAS_SOURCES:
        skipped["sources"] = pytest.mark.skip(reason="needs the sources: run in a checkout")
    for item in items:
        for name, skip in skipped.items():
            if item.get_closest_marker(name):
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --no-skips was given: {report.longrepr}"
    return report


def _find_cuda(asked: str) -> tuple[str | None, str]:
    """Return the name of the CUDA device, and why there is none."""
    from gdnet.backends import get_backend
    from gdnet.errors import DeviceUnavailable

    if asked == "cpu":
        return None, "--device cpu"
    try:
        return get_backend("cuda" if asked == "auto" else asked).name, ""
    except DeviceUnavailable as unavailable:
        return None, str(unavailable)


def pytest_report_header(config: pytest.Config) -> str:
    device, why = _find_cuda(config.getoption("--device"))
    return f"CUDA tests: {f'on {device}' if device else f'none, because {why}'}"


@pytest.fixture
def cuda(request: pytest.FixtureRequest) -> str:
    """The name of the CUDA device; skips the test where there is none."""
    asked = request.config.getoption("--device")
    device, why = _find_cuda(asked)
    if device is None:
        if asked in ("auto", "cpu"):
            pytest.skip(f"no CUDA: {why}")
        pytest.fail(f"--device {asked}: {why}")
    return device

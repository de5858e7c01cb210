"""A GPU, or what stands in for one, for the estimators."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gdnet.estimator.device import CHOICES
from tests.standins.fake_cupy import make_fake_cupy


@pytest.fixture(params=["cuda-standin", "cuda"])
def cupy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CuPy where there is a GPU, and its strict stand-in with two devices."""
    CHOICES.clear()
    if request.param == "cuda":
        request.getfixturevalue("cuda")
        yield pytest.importorskip("cupy")
    else:
        monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(devices=2))
        yield sys.modules["cupy"]
    CHOICES.clear()

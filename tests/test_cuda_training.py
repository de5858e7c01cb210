"""Training on a made-up GPU whose memory is short."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from gdnet.backends import cuda
from gdnet.backends.cuda import CudaBackend
from gdnet.data.table import Table
from gdnet.training import Settings, Training
from tests.standins.fake_cupy import make_fake_cupy


def on_fake(monkeypatch: pytest.MonkeyPatch, index: int = 0, **settings: Any) -> CudaBackend:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(**settings))
    backend = CudaBackend(index)
    backend.xp.get_default_memory_pool().free_all_blocks()
    backend.xp.trace.clear()
    return backend


@pytest.mark.parametrize("m", [50_000, 90_000, 150_000, 300_000])
@pytest.mark.parametrize("fraction", [None, 0.3])
@pytest.mark.parametrize("standardize", [False, True])
def test_data_of_any_size_are_trained_on_and_evaluated(
    monkeypatch: pytest.MonkeyPatch, m: int, fraction: float | None, standardize: bool
) -> None:
    # A GPU of 16 GiB and data of 6 to 36 GiB, all made 1024 times smaller.
    monkeypatch.setattr(cuda, "WORK_ARRAY_BYTES", 2**28 // 1024)
    monkeypatch.setattr(cuda, "SPARE_BYTES", 2**30 // 1024)
    monkeypatch.setattr(cuda, "COLUMNS_MULTIPLE", 4096 // 1024)
    backend = on_fake(monkeypatch, memory=2**24)
    rows = np.random.RandomState(0).randn(m, 32).astype(np.float32)
    table = Table(
        X=rows,
        target=(rows[:, 0] > 0).astype(np.uint8),
        feature_names=None,
        target_name=None,
        name="x",
        owned=True,
    )
    settings = Settings(iterations=2, standardize=standardize, validation_fraction=fraction)
    trained = Training(table, settings, backend).run()
    assert trained.run.iterations == 2
    assert trained.train.examples == m - (0 if fraction is None else round(fraction * m))

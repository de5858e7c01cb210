"""What tests of rows that ranks share have in common."""

from __future__ import annotations

import pytest

from gdnet.data.arrays import npy_file as arrays
from gdnet.data.columns import shared_rows


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows be read in many parts."""
    monkeypatch.setattr(shared_rows, "CHECKED_AT_A_TIME", 4 * 30)
    monkeypatch.setattr(arrays, "CHECKED_AT_A_TIME", 4 * 30)
    monkeypatch.setattr("gdnet.data.moments.CHECKED_AT_A_TIME", 4 * 30)
    monkeypatch.setattr("gdnet.descent.fingerprint.NUMBERS_A_SAMPLE", 4 * 40)

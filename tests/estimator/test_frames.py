"""Data frames without what reads them."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("narwhals")
pandas = pytest.importorskip("pandas")

from gdnet import TableEncoder  # noqa: E402
from gdnet.errors import DataError  # noqa: E402


def test_without_pyarrow_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pandas.DataFrame({"town": ["York", "Hull"], "age": [30.0, 50.0]})
    encoder = TableEncoder().fit(frame)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for method in (TableEncoder().fit, encoder.transform):
        with pytest.raises(DataError, match=r"needs pyarrow.*: pip install pyarrow"):
            method(frame)

"""A short run of the fuzzer on every reader; see tests/results for its long runs."""

from __future__ import annotations

import pytest

from tests.fuzz.fuzz import NAMES, fuzz


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_input_makes_a_reader_fail(name: str) -> None:
    pytest.importorskip("atheris")
    done = fuzz(name, runs=5000, seed=11)
    assert not done["crashes"], done["said"]
    assert int(str(done["inputs"])) >= 5000

"""Small problems that several test files share."""

from __future__ import annotations

from typing import Any

import numpy as np


def classification(n2: int, m: int = 300) -> tuple[Any, Any]:
    random = np.random.RandomState(5)
    rows = random.randn(m, 6)
    scores = rows @ random.randn(6, n2) + 0.3 * random.randn(m, n2)
    return rows, (scores > 0).astype(np.uint8).T

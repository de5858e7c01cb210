"""What the tests of pictures share: both themes, and the words in a picture."""

from __future__ import annotations

from typing import Any

import pytest

from gdnet.plots.figure import THEMES

BOTH = pytest.mark.parametrize("theme", THEMES)


def texts(figure: Any) -> str:
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))

"""How the documentation is built: python -m sphinx -W docs docs/_build/html."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import gdnet  # noqa: E402 - after the path

project = "gdnet"
author = "the gdnet authors"
copyright = "the gdnet authors, BSD 3-Clause"
version = release = gdnet.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx.ext.viewcode",
    "sphinxarg.ext",
    "sphinx_copybutton",
    # Our own, in _ext:
    "mathml",
    "bench_results",
    "equation",
    "pictures",
    "valley",
    "interactive_lab",
]
exclude_patterns = ["_build"]
smartquotes = False  # they turn --option into a dash

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_block"]
myst_heading_anchors = 3

# Single backticks in docstrings name objects of Python.
default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}


def setup(app: Any) -> None:
    """Leave out the fields of NamedTuples, which their Attributes section describes."""
    app.connect("autodoc-skip-member", _skip_fields)


def _skip_fields(_app: Any, _what: Any, _name: Any, member: Any, skip: bool, _options: Any) -> bool:
    return skip or type(member).__name__ in ("_tuplegetter", "member_descriptor")


html_theme = "furo"
html_title = f"gdnet {release}"
html_static_path = ["_static"]
html_css_files = ["gdnet.css"]
html_js_files = ["lecture.js", "interactive_lab.js"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

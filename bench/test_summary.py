"""What the README says about speed is what the files in bench/results give."""

from __future__ import annotations

from bench.summary import README, SECTION, wanted


def test_every_page_is_what_the_results_give() -> None:
    pages = dict(wanted())
    assert README in pages
    assert SECTION.search(pages[README])
    stale = [path.name for path, text in pages.items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "python -m bench.summary makes them again"

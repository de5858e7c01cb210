"""What the words of the command line stand for: numbers in their range, devices, columns."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable
from typing import Any

from gdnet.errors import GdnetError
from gdnet.training.options import OPTIONS, Limits


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return an argument type: an integer of at least `least` and, if given, at most `most`."""
    expected = f"of at least {least}" if most is None else f"from {least} to {most}"

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"expected a whole number {expected}, got {text!r}")
        return value

    return convert


def number(least: float = 0.0, *, above: bool = False) -> Callable[[str], float]:
    """Return an argument type: a finite number of at least `least`, or `above` it."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and (value > least if above else value >= least)):
            bound = f"above {least:g}" if above else f"of at least {least:g}"
            raise argparse.ArgumentTypeError(f"expected a finite number {bound}, got {text!r}")
        return value

    return convert


def probability(text: str) -> float:
    """Return a number above 0 and below 1."""
    value = number(above=True)(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(
            f"expected a probability above 0 and below 1, got {text!r}"
        )
    return value


def number_of(name: str) -> Callable[[str], Any]:
    """Return the argument type of a hyper-parameter that is a number, see `OPTIONS`."""
    low, above, high, below, whole = OPTIONS[name].limits or Limits()
    if whole:
        return whole_number(int(low), high)
    plain = number(low, above=above)

    def convert(text: str) -> float:
        value = plain(text)
        if below is not None and value >= below:
            raise argparse.ArgumentTypeError(f"expected a number below {below:g}, got {text!r}")
        return value

    return convert


def auto_or(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return an argument type: ``auto``, which gives None, or what `convert` takes."""

    def convert_or_none(text: str) -> Any:
        return None if text == "auto" else convert(text)

    return convert_or_none


def device_name(text: str) -> str:
    """Return the name of a device, if it is one."""
    from gdnet.backends import parse_device

    try:
        parse_device(text)
    except GdnetError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def column_names(text: str) -> list[str]:
    """Return names between commas; one that contains a comma is in double quotes."""
    try:
        return next(csv.reader([text]))
    except csv.Error:
        raise argparse.ArgumentTypeError(f"expected names of columns, got {text!r}") from None

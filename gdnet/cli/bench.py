"""``gdnet bench``: how fast this machine is, on its CPU and on its GPUs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from itertools import count, product
from typing import TYPE_CHECKING, Any

from gdnet.cli.argument_types import device_name, whole_number
from gdnet.cli.output import say, show
from gdnet.training.options import MAX_UNITS

if TYPE_CHECKING:
    from gdnet.backends import Backend
    from gdnet.cli.bench_report import Speeds
    from gdnet.throughput import Setup


DESCRIPTION = """\
Measure a full-batch iteration, gradient and update, over the number of examples m: iterations and
examples a second with the data on the device, and with the transfer of the data to it; the memory;
and from which m on the GPU is faster. The data are random numbers, made here.

Each device has a row for the equations as they stand, and one for its fastest engine, where that
is another. Before anything is timed, cost and gradient are compared with those in float64. The rows
take turns, and what is shown is the median. Options with commas give every combination.

    gdnet bench                                   CPU and, where it works, CUDA
    gdnet bench --devices cuda --m 1e6,1e7 --precision highest,tf32
    gdnet bench --devices cuda --engine cublas_fused,fused
"""
DEFAULT_DEVICES = "cpu,cuda"
MAX_EXAMPLES = 2**53


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "bench",
        help="measure this machine: CPU against GPU over the number of examples",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    width = _number_of(MAX_UNITS)
    for name, convert, default, about in (
        ("devices", device_name, DEFAULT_DEVICES, "cpu, cuda, cuda:1, ..."),
        ("m", _number_of(MAX_EXAMPLES), "1e3,1e4,1e5,1e6", "numbers of examples"),
        ("features", width, "28", "widths of the input"),
        ("hidden", width, "128", "numbers of hidden units"),
        ("dtype", _one_of("float32", "float64"), "float32", "float32, float64"),
        ("precision", _one_of("highest", "tf32"), "highest", "of products on CUDA: highest, tf32"),
        (
            "engine",
            str,
            "reference,auto",
            "reference (the equations), auto, or what gdnet info lists for a device",
        ),
    ):
        parser.add_argument(
            f"--{name}",
            type=_several(convert),
            default=default,
            metavar="A,B,...",
            help=f"{about} (default: {default})",
        )
    parser.add_argument("--threads", type=whole_number(1), metavar="N", help="CPU threads")
    parser.add_argument(
        "--rounds", type=whole_number(1), default=7, metavar="N", help="turns (default: 7)"
    )
    parser.add_argument("--json", metavar="FILE", help="write everything here, too")
    parser.add_argument("--plot", metavar="FILE", help="draw the times of an iteration over m here")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> int:
    """Measure, and write a table for each network."""
    from gdnet.atomic import check_writable, replacing
    from gdnet.cli.bench_report import as_facts, draw, table
    from gdnet.descent.progress import bar
    from gdnet.errors import DataError
    from gdnet.throughput import Setup, engine_of, measure

    backends, missing = _backends(options)
    if options.json:
        check_writable(options.json)
    if options.plot:
        from gdnet.plots import check_plot_path

        check_plot_path(options.plot)
    setups = [
        Setup(*each)
        for each in product(options.features, options.hidden, options.dtype, options.precision)
    ]
    results: list[tuple[Setup, Speeds]] = []
    # By name: "auto" may take an engine that is asked for, too.
    rows = [
        {f"{device} {engine_of(setup, of)}": of for device, of in backends[setup.precision]}
        for setup in setups
    ]
    turns = sum(map(len, rows)) * len(options.m) * options.rounds
    done = count(1)
    with bar(turns, quiet=options.quiet) as show_done:

        def tick() -> None:
            show_done(next(done))

        for setup, of_setup in zip(setups, rows, strict=True):
            speeds: Speeds = {}
            for m in sorted(set(options.m)):
                try:
                    speeds[m] = measure(setup, m, of_setup, rounds=options.rounds, tick=tick)
                except DataError as error:
                    say(str(error))
            results.append((setup, speeds))
    described = {name: backend.describe() for name, backend in backends[options.precision[0]]}
    for name, backend in described.items():
        show(f"{name:11} {backend}")
    for name, why in missing.items():
        show(f"{name:11} not measured: {why.split(': ')[0]}")
    for setup, speeds in results:
        show("")
        for line in table(setup, speeds):
            show(line)
    if options.json:
        facts = as_facts(described, missing, results)
        with replacing(options.json) as file:
            file.write((json.dumps(facts, indent=1) + "\n").encode())
    if options.plot:
        draw(options.plot, results)
    measured = [speed for _, speeds in results for of in speeds.values() for speed in of.values()]
    if not measured:
        raise DataError("nothing was measured: the data of every m are too large for the memory")
    return 1 if any(isinstance(speed, str) for speed in measured) else 0


def _backends(
    options: argparse.Namespace,
) -> tuple[dict[str, list[tuple[str, Backend]]], dict[str, str]]:
    """Return for each precision the devices with each engine, and what is not there and why.

    A list of devices may name some that are not there; but one of them must be.
    """
    from gdnet.backends import ENGINES, get_backend
    from gdnet.errors import DataError, DeviceUnavailable

    if "auto" in options.devices:
        raise DataError("expected names of devices to compare, got auto")
    names = list(dict.fromkeys(options.devices))
    found: dict[str, list[tuple[str, Backend]]] = {each: [] for each in options.precision}
    missing: dict[str, str] = {}
    for name, asked, engine in product(names, options.precision, options.engine):
        of_device = engine if engine in (*ENGINES[name.split(":")[0]], "auto") else None
        # The CPU has one precision, with which each of the others is compared.
        precision = "highest" if name == "cpu" else asked
        try:
            backend = get_backend(
                name, threads=options.threads, precision=precision, engine=of_device or "auto"
            )
        except DeviceUnavailable as unavailable:
            if len(names) == 1:
                raise
            if name not in missing:
                say(f"{name} is left out: {unavailable}")
            missing[name] = str(unavailable)
            last = unavailable
        else:
            found[asked].append((name, backend))
    if len(missing) == len(names):
        raise last
    return found, missing


def _several(convert: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Return an argument type: values with commas between them."""

    def each(text: str) -> list[Any]:
        return list(dict.fromkeys(convert(part.strip()) for part in text.split(",")))

    return each


def _number_of(most: int) -> Callable[[str], int]:
    """Return an argument type: a whole number from 1 to `most` that may be written as 1e6."""
    plain = whole_number(1, most)

    def convert(text: str) -> int:
        try:
            value = float(text)
        except ValueError:
            return plain(text)
        return plain(str(int(value)) if value.is_integer() else text)

    return convert


def _one_of(*choices: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"choose from {', '.join(choices)}; got {text!r}")
        return text

    return convert

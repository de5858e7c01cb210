"""What the README and the documentation say about speed, made from the files in bench/results.

python -m bench.summary            write summary.md of every machine, and the README's section
python -m bench.summary --check    exit with 1 if they are not what the files give
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import real_tables_report, summary_cuda
from bench.interleave import REFERENCE
from bench.report import machine, made_by
from bench.speed_table import fastest_peers, speed_table
from bench.to_cost.text import HOW, brief_lines, table_lines

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
README = ROOT / "README.md"
SECTION = re.compile(r"(<!-- made by python -m bench\.summary -->\n).*?(<!-- end -->)", re.DOTALL)

Plain = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [path for path, text in wanted() if _replaced(path, text, check=check)]
    for path in stale:
        state = "is not what bench/results gives" if check else "written"
        print(f"{path.relative_to(ROOT)}: {state}", file=sys.stderr)
    return 1 if check and stale else 0


def wanted() -> Iterator[tuple[Path, str]]:
    """Give every file that is made here, with its text."""
    folders = sorted(path for path in RESULTS.iterdir() if path.is_dir())
    measured = {folder.name: _read(folder) for folder in folders}
    for folder in folders:
        yield folder / "summary.md", "\n".join(_summary(measured[folder.name])) + "\n"
    lines = "\n".join(_readme_lines(measured))
    yield README, SECTION.sub(rf"\g<1>{lines}\n\g<2>", README.read_text(encoding="utf-8"))


def _replaced(path: Path, text: str, *, check: bool) -> bool:
    """Return whether the file was another; write it, unless it is only to be checked."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    if not check:
        path.write_text(text, encoding="utf-8")
    return True


def _read(folder: Path) -> dict[str, Plain]:
    files = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    # Not those of bench.environment and of pytest-benchmark, which have no part of this name.
    return {name: measured for name, measured in files.items() if "environment" in measured}


def _summary(files: dict[str, Plain]) -> Iterator[str]:
    """Give the lines of a machine's page."""
    described = _described(files)
    yield f"# Summary: {described['gpu'] or described['cpu']}, {described['cores']} CPU cores"
    yield ""
    yield f"{machine(described)}."
    for name, measured in files.items():
        if name.startswith("compare-"):
            yield from ("", f"## {name}", "", f"{_made_by(measured, 'compare')}.", "")
            yield from speed_table(measured)
    yield from summary_cuda.page_lines(files)
    for name, title, lines in (
        ("memory", "Peak memory of an iteration beyond the data, MiB", _memory_table),
        ("larger_than_memory", "Data larger than memory", _storage_table),
        ("many_cores", "Cores that one process can keep busy", _cores_table),
        ("many_cores_free_threaded", "The same where threads share no lock", _cores_table),
        ("scale", "How the time grows", _scale_tables),
        ("time_to_cost", "Seconds to a cost and to a log loss", _time_to_cost_tables),
    ):
        if name in files:
            program = name.removesuffix("_free_threaded")
            yield from ("", f"## {title}", "", f"{_made_by(files[name], program)}.", "")
            yield from lines(files[name])
    if "real_tables" in files:
        yield from ("", "## Real tables", "")
        yield from real_tables_report.page_lines(files["real_tables"])


def _readme_lines(measured: dict[str, dict[str, Plain]]) -> Iterator[str]:
    newest = _newest(measured)
    others = [
        files[run]
        for name, files in measured.items()
        for run in files
        if run.startswith("compare-") and (name, run) != (newest, "compare-float32")
    ]
    for name, files in sorted(measured.items(), key=lambda item: item[0] != newest):
        described = _described(files)
        folder = f"bench/results/{name}"
        yield from summary_cuda.readme_lines(files, machine(described))
        if name == newest:
            yield f"{machine(described)}; float32, {_made_by(files['compare-float32'], 'compare')}:"
            yield ""
            yield from speed_table(files["compare-float32"])
            yield ""
            yield f"![Time of an iteration relative to gdnet's]({folder}/compare-float32.png)"
            yield ""
            yield from fastest_peers(files["compare-float32"], others)
        if "time_to_cost" in files:
            made = _made_by(files["time_to_cost"], "time_to_cost")
            yield (
                f"Seconds to a training cost and to a validation log loss, medians of five starts, "
                f"every method at its best setting for each ({made}):"
            )
            yield ""
            yield from brief_lines(files["time_to_cost"]["tables"])
            yield ""
            yield (
                "gdnet lbfgs has nothing to tune. Set-up is not counted: importing, compiling, a "
                f"first epoch; they and the settings are in [{folder}/summary.md]"
                f"({folder}/summary.md)."
            )
            yield ""
            yield f"![Training cost over seconds]({folder}/time_to_cost.png)"
            yield ""
        if "memory" in files:
            if name != newest:
                yield f"On {machine(described)}:"
                yield ""
            yield from _memory_sentence(files["memory"])
            yield ""
        if "larger_than_memory" in files:
            yield from _storage_sentence(files["larger_than_memory"])
            yield ""
        if "scale" in files:
            yield (
                f"How the time grows with m, with n1, with threads and block size "
                f"(`python -m bench.scale`): [{folder}/scale.png]({folder}/scale.png). "
                f"Every figure: [{folder}/summary.md]({folder}/summary.md)."
            )
            yield ""
    if not any(f["environment"]["gpu"] for files in measured.values() for f in files.values()):
        yield "No GPU has been measured yet: nothing here says how fast CUDA is."


def _newest(measured: dict[str, dict[str, Plain]]) -> str | None:
    """Return the machine on which the newest gdnet was compared; the first of several."""

    def version(name: str) -> list[int]:
        found = measured[name]["compare-float32"]["environment"]["gdnet"]
        return [int(number) for number in found.split(".")]

    compared = [name for name in measured if "compare-float32" in measured[name]]
    return max(compared, key=version, default=None)


def _described(files: dict[str, Plain]) -> Plain:
    """Return what a machine is: as in the comparison that nothing was changed for."""
    first: Plain = files.get("compare-float32", next(iter(files.values())))["environment"]
    return first


def _made_by(measured: Plain, program: str) -> str:
    """Return command, commit, and the rounds, least and most where networks differ."""
    comparisons = measured.get("comparisons", [measured])
    rounds = sorted({each["rounds"] for each in comparisons})
    between = " to ".join(map(str, rounds[:: max(1, len(rounds) - 1)]))
    plural = "" if rounds == [1] else "s"
    return f"{made_by(measured['environment'], program)}, {between} round{plural}"


def _memory_table(measured: Plain) -> Iterator[str]:
    peaks = measured["peak_mib"]
    yield f"| candidate | {' | '.join(f'm = {int(m):,}' for m in peaks)} |"
    yield f"|---|{'---|' * len(peaks)}"
    for name in next(iter(peaks.values())):
        cells = [peaks[m][name] for m in peaks]
        if any(isinstance(cell, float) for cell in cells):
            shown = [f"{c:,.0f}" if isinstance(c, float) else str(c) for c in cells]
            yield f"| {name} | {' | '.join(shown)} |"


def _memory_sentence(measured: Plain) -> Iterator[str]:
    m, peaks = max(measured["peak_mib"].items(), key=lambda item: int(item[0]))
    others = ", ".join(
        f"{name} {peak:,.0f}"
        for name, peak in peaks.items()
        if name != REFERENCE and isinstance(peak, float)
    )
    own = peaks[REFERENCE]
    yield (
        f"An iteration of {'-'.join(map(str, measured['shape']))} over {int(m):,} examples takes "
        f"{'less than 1' if own < 1 else f'{own:,.0f}'} MiB beyond the data "
        f"(`python -m bench.memory`; {others})."
    )


def _storage_table(measured: Plain) -> Iterator[str]:
    yield (
        f"28-128-1, m = {measured['m']:,}: a file of {measured['file_bytes'] / 1e9:.2f} GB under a "
        f"limit of {measured['address_space_bytes'] / 1e9:.2f} GB of address space; "
        + ("the same bits every time." if measured["different_results"] == 1 else "OTHER BITS.")
    )
    yield ""
    yield "| data | seconds an iteration: median (least .. most) |"
    yield "|---|---|"
    for way, seconds in measured["seconds_an_iteration"].items():
        middle = statistics.median(seconds)
        yield f"| {way} | {middle:.2f} ({min(seconds):.2f} .. {max(seconds):.2f}) |"


def _storage_sentence(measured: Plain) -> Iterator[str]:
    taken = {w: statistics.median(s) for w, s in measured["seconds_an_iteration"].items()}
    resident = taken["in memory"]
    yield (
        f"A file of {measured['file_bytes'] / 1e9:.1f} GB that a limit on the process does not let "
        f"into memory takes {taken['limited memory'] / resident:.2f} times as long as in memory, "
        f"and {taken['limited memory, from the disk'] / resident:.2f} times with an empty disk "
        "cache, with the same bits (`python -m bench.larger_than_memory`)."
    )


def _cores_table(measured: Plain) -> Iterator[str]:
    crowds = sorted({each["crowd"] for each in measured["results"][0]["crowds"]})
    heads = " | ".join(f"busy, crowd of {crowd}" for crowd in crowds)
    yield f"| network | block, ms | Python, ms | at most | {heads} |"
    yield f"|---|---|---|---|{'---|' * len(crowds)}"
    for each in measured["results"]:
        busy = " | ".join(
            ", ".join(
                f"{found['busy']:.0f} of {found['cores']:.0f}"
                for found in each["crowds"]
                if found["crowd"] == crowd
            )
            for crowd in crowds
        )
        most = each["block_ms"] / each["python_ms"]
        yield (
            f"| {each['shape']}, {each['columns']} columns | {each['block_ms']:.2f} "
            f"| {each['python_ms']:.3f} | {most:.0f} | {busy} |"
        )
    yield ""
    yield (
        f"Python {measured['environment']['python']}. At most: the time of a block divided by "
        "Python's share of it. Busy: how many of so many cores compute while the others wait for "
        "Python, found on two cores, of which the second runs as much Python as all but the first "
        "would; bench/many_cores.py says how, and why a crowd of one is easier than so many cores "
        "are, and a crowd of several harder."
    )


def _scale_tables(measured: Plain) -> Iterator[str]:
    yield "Nanoseconds an example, medians."
    for name, points in measured["curves"].items():
        kind = name.partition(",")[0]
        yield ""
        yield f"| {name} | {' | '.join(format(point['x'], ',') for point in points)} |"
        yield f"|---|{'---|' * len(points)}"
        nanoseconds = [1e6 * point["ms"] / point["m"] for point in points]
        yield f"| ns | {' | '.join(f'{ns:.3g}' for ns in nanoseconds)} |"
        if kind == "n1":
            each = [ns / point["x"] for ns, point in zip(nanoseconds, points, strict=True)]
            yield f"| ns a unit | {' | '.join(f'{ns:.3g}' for ns in each)} |"


def _time_to_cost_tables(measured: Plain) -> Iterator[str]:
    yield HOW
    for name, table in measured["tables"].items():
        yield ""
        yield from table_lines(name, table, measured["rounds"])


if __name__ == "__main__":
    sys.exit(main())

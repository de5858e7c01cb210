"""Real tables as a new user would try them, and how well they are predicted, beside scikit-learn.

    pip install pandas
    python -m bench.real_tables --json FILE --markdown FILE

Each file of `bench.table_list` is trained on by ``gdnet train FILE --target COLUMN``, with
``--validation 0.2``. If that fails, the options that the message names are added, once: the table
is trained on at once, after one message, or given up. Then it is split ten times into three
quarters to train on and a quarter to test, and scored by accuracy, or R^2 of numbers: `gdnet train`
with these options, and scikit-learn's usual pipeline of OneHotEncoder, SimpleImputer,
StandardScaler and MLPClassifier or MLPRegressor. Both have 32 hidden units and otherwise their
defaults. No times are measured.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import statistics
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.environment import environment
from bench.table_list import TABLES, UNPACK, Table, fetch
from gdnet.cli.main import main as gdnet

SEEDS, HIDDEN, TEST = 10, 32, 0.25
# What may be missing, as pandas reads it.
MISSING = ["?", "", "NA", "N/A", "null", "None", "NaN", "nan"]
# What a message says to add: as far as the next word that is no option.
_NAMES = r"(?:'[^']*'|[^\s',]+(?:,[^\s',]+)*)"
OPTION = re.compile(
    rf"--(?:header (?:yes|no)|(?:ignore|categorical) {_NAMES}|task \w+|missing \w+)"
)
# Lower differences than these are worth a look: of tables with more test rows than the second.
LOW, MANY = -0.01, 2000


class Done(NamedTuple):
    """What a command has come to."""

    code: int
    out: str
    err: str


def run(*words: object) -> Done:
    """Run gdnet in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = gdnet([str(word) for word in words])
        except SystemExit as leave:
            code = int(leave.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def tried(path: Path, table: Table, model: Path) -> dict[str, Any]:
    """Train as a new user would, and return how it went and the options that it took."""
    target, options, said = table.target, list[str](), ""
    for attempt in ("at once", "after one message"):
        named = f"c{target}" if isinstance(target, int) and "--header" in options else target
        words = ["train", path, "--target", named, "--validation", 0.2, *options]
        done = run(*words, "--iterations", 10, "--out", model, "--quiet", "--json")
        if done.code == 0:
            notes = json.loads(done.out)["notes"]
            return {"outcome": attempt, "options": options, "message": said, "notes": notes}
        said = done.err.strip().removeprefix("gdnet: ").replace(f"{path.parent}/", "")
        found = [word for option in OPTION.findall(said) for word in shlex.split(option)]
        options = [*dict.fromkeys(map(" ".join, zip(found[::2], found[1::2], strict=True)))]
        # Of two choices the one that who knows the table takes.
        wrong = {
            "--task classification" if table.numbers else "--task regression",
            "--header yes" if isinstance(table.target, int) else "--header no",
        }
        if any(each.startswith("--categorical") for each in options):
            options = [each for each in options if not each.startswith("--ignore")]
        options = [each for each in options if each not in wrong]
        options = [word for each in options for word in each.split(" ", 1)]
        if not options:
            break
    return {"outcome": "given up", "options": [], "message": said, "notes": []}


def scored(path: Path, table: Table, options: list[str], seed: int, folder: Path) -> Any:
    """Return the scores of gdnet and of scikit-learn on rows held out, and how many these are."""
    from sklearn.model_selection import train_test_split

    lines = UNPACK.get(path.suffix, bytes)(path.read_bytes()).decode().splitlines(keepends=True)
    frame, y = frame_of(lines, table)
    known = np.flatnonzero(y.notna())
    strata = None if table.numbers or y[known].value_counts().min() < 2 else y[known]
    parts = train_test_split(known, test_size=TEST, random_state=seed, stratify=strata)
    plain = path.with_suffix("") if path.suffix in UNPACK else path
    files = []
    for name, part in zip(("train", "test"), parts, strict=True):
        files.append(folder / f"{name}{plain.suffix}")
        rows = [lines[table.above + i] for i in sorted(part)]
        files[-1].write_text("".join([*lines[: table.above], *rows]), encoding="utf-8")
    target = f"c{table.target}" if isinstance(table.target, int) else table.target
    model = folder / "m"
    words = ["--target", target, "--hidden", HIDDEN, "--seed", seed, *options]
    words += ["--task", "regression"] if table.numbers and "--task" not in options else []
    done = run("train", files[0], *words, "--out", model, "--quiet")
    header = options[options.index("--header") :][:2] if "--header" in options else []
    evaluated = run("evaluate", model, files[1], *header, "--json", "--quiet")
    if done.code or evaluated.code:
        return {"failed": (done.err or evaluated.err).strip()}
    facts = json.loads(evaluated.out)
    train, test = parts
    other = fitted(frame.iloc[train], y.iloc[train], table, seed)
    return {
        "gdnet": facts["r2" if table.numbers else "accuracy"],
        "scikit-learn": other.score(frame.iloc[test], y.iloc[test]),
        "test rows": len(test),
    }


def frame_of(lines: list[str], table: Table) -> tuple[Any, Any]:
    """Return the columns of a table and its target, as pandas reads them."""
    import pandas as pd

    nameless = isinstance(table.target, int)
    text = "".join(lines[table.above :] if nameless else [lines[0], *lines[table.above :]])
    frame = pd.read_csv(
        io.StringIO(text),
        sep=table.separator,
        header=None if nameless else 0,
        na_values=MISSING,
        skipinitialspace=True,
    )
    target = table.target - 1 if isinstance(table.target, int) else table.target
    y = frame.pop(target)
    frame.columns = [str(name) for name in frame]
    # The names of rows are no feature.
    return frame.loc[:, [name for name in frame if not name.startswith("Unnamed")]], y


def fitted(X: Any, y: Any, table: Table, seed: int) -> Any:
    """Return scikit-learn's usual pipeline, fitted."""
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = X.select_dtypes(["number", "bool"]).columns
    texts = [name for name in X.columns if name not in numbers]
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(add_indicator=True), numbers),
            (
                "texts",
                OneHotEncoder(
                    handle_unknown="infrequent_if_exist", max_categories=32, sparse_output=False
                ),
                texts,
            ),
        ]
    )
    network = (MLPRegressor if table.numbers else MLPClassifier)(
        hidden_layer_sizes=(HIDDEN,), random_state=seed
    )
    model: Any = make_pipeline(columns, StandardScaler(), network)
    if table.numbers:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def measured(path: Path, table: Table, seeds: int) -> dict[str, Any]:
    """Return all that is found of a table, and print a line."""
    with tempfile.TemporaryDirectory() as folder:
        facts = tried(path, table, Path(folder) / "m")
        scores: list[Any] = []
        if facts["outcome"] != "given up":
            scores = [scored(path, table, facts["options"], s, Path(folder)) for s in range(seeds)]
    facts |= {
        "table": table.name,
        "target": table.target,
        "score": "R^2" if table.numbers else "accuracy",
    }
    failed = [score["failed"] for score in scores if "failed" in score]
    facts |= {"scores": scores, "failed": failed[:1]}
    if scores and not failed:
        for name in ("gdnet", "scikit-learn"):
            facts[name] = statistics.mean(score[name] for score in scores)
        facts["difference"] = facts["gdnet"] - facts["scikit-learn"]
        facts["test rows"] = scores[0]["test rows"]
    print(line_of(facts), flush=True)
    return facts


def line_of(facts: dict[str, Any]) -> str:
    """Return a row of the report."""
    cells = [
        facts["table"],
        facts["outcome"],
        f"`{shlex.join(facts['options'])}`" * bool(facts["options"]),
    ]
    if "difference" in facts:
        cells += [f"{facts['test rows']:,}", facts["score"]]
        cells += [f"{facts[name]:.3f}" for name in ("gdnet", "scikit-learn")]
        cells += [f"{facts['difference']:+.3f}"]
    else:
        cells += [
            (facts["failed"] or [facts["message"]])[0][:160].replace("|", "/"),
            "",
            "",
            "",
            "",
        ]
    return f"| {' | '.join(cells)} |"


def report(rows: list[dict[str, Any]], seeds: int) -> str:
    """Return the table in Markdown, and what it comes to."""
    counts = {
        name: sum(row["outcome"] == name for row in rows)
        for name in ("at once", "after one message", "given up")
    }
    known = [row for row in rows if "difference" in row]
    mean = statistics.mean(row["difference"] for row in known) if known else float("nan")
    low = [row["table"] for row in known if row["test rows"] > MANY and row["difference"] < LOW]
    head = ["table", "trained", "with", "test rows", "score", "gdnet", "scikit-learn", "difference"]
    lines = [
        f"{len(rows)} tables: {', '.join(f'{count} {name}' for name, count in counts.items())}. "
        f"Mean difference over {len(known)} tables and {seeds} splits: {mean:+.4f}. Below {LOW} "
        f"with more than {MANY} test rows: {', '.join(low) or 'none'}.",
        "",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *map(line_of, rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where packages and tables are kept")
    parser.add_argument("--only", default="", help="tables whose names contain this")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--json", type=Path, help="where to write what was found")
    parser.add_argument("--markdown", type=Path, help="where to write the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = fetch(options.folder or Path(folder))
        rows = [
            measured(paths[table.name], table, options.seeds)
            for table in TABLES
            if options.only in table.name
        ]
    text = report(rows, options.seeds)
    print(text.splitlines()[0])
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps({"environment": environment(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()

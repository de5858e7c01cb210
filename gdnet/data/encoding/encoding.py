"""How the columns of a table become features: numbers without gaps, text as one feature a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gdnet._typing import HostArray
from gdnet.data.columns.named import NotNumbers, explained
from gdnet.data.encoding.cells import cells_of, missing_spellings, numbers_of

TEXT = ("encode", "ignore")


class Options(NamedTuple):
    """How columns are encoded; see `gdnet.TableEncoder`.

    Attributes
    ----------
    max_categories : int
        So many values of a column of text have a feature each.
    text : {"encode", "ignore"}
        Whether columns of text are encoded.
    missing : {"impute", "error", "drop"}
        Whether missing values are filled in, are an error, or their rows are left out.
    categorical : tuple of str
        Columns of numbers that are encoded as text is.
    na_values : tuple of str
        More spellings of a missing value.
    """

    max_categories: int = 32
    text: str = "encode"
    missing: str = "impute"
    categorical: tuple[str, ...] = ()
    na_values: tuple[str, ...] = ()


class Column(NamedTuple):
    """A column of a table, and what is made of it.

    Attributes
    ----------
    name : str
        Its name.
    mean : float or None
        Of numbers: what stands where one is missing. None for text.
    levels : tuple of str
        Of text: the values with a feature each.
    other : bool
        Of text: whether all other values have one.
    missing : bool
        Whether a feature says where there is no value.
    """

    name: str
    mean: float | None = None
    levels: tuple[str, ...] = ()
    other: bool = False
    missing: bool = False

    @property
    def is_text(self) -> bool:
        """Whether its cells are taken as text."""
        return self.mean is None

    def __str__(self) -> str:
        """Return what is made of it in a few words."""
        parts = [] if self.is_text else [f"a number, {self.mean:g} where it is missing"]
        if self.is_text:
            parts += [f"{len(self.levels)} value{'s' * (len(self.levels) != 1)}"]
            parts += ["other"] * self.other
        parts += ["missing"] * self.missing
        return f"{self.name}: {', '.join(parts)}"


class Feature(NamedTuple):
    """A feature, and what it is made of.

    Attributes
    ----------
    name : str
        Its name, such as "sex=f".
    column : str
        The column that it is made of.
    kind : {"number", "value", "other", "missing"}
        A "number" is the column's own. With "value" it is 1 where the column has `value`, with
        "other" where that has another one than those with a feature, with "missing" where it has
        none, and 0 elsewhere.
    value : str or None
        Of the kind "value", which one.
    """

    name: str
    column: str
    kind: str
    value: str | None = None


class Seen:
    """What was met while rows were encoded: for each column, how many cells were what."""

    def __init__(self) -> None:
        self.gaps: Counter[str] = Counter()
        self.others: Counter[str] = Counter()

    def __add__(self, other: Seen) -> Seen:
        """Return what both have met."""
        both = Seen()
        both.gaps, both.others = self.gaps + other.gaps, self.others + other.others
        return both


class Encoding:
    """What is made of each column.

    Parameters
    ----------
    columns : sequence of Column
        In the order in which their cells come.
    options : Options
        How they were encoded.

    Attributes
    ----------
    features : tuple of Feature
        First all numbers, then where they are missing, then for each column of text its values.
    """

    def __init__(self, columns: Sequence[Column], options: Options) -> None:
        self.columns, self.options = tuple(columns), options
        self.texts = frozenset(column.name for column in columns if column.is_text)
        self._gaps = missing_spellings(options.na_values)
        self._numbers = [k for k, column in enumerate(columns) if not column.is_text]
        numbers = [self.columns[k] for k in self._numbers]
        self._means = np.array([column.mean for column in numbers], np.float64)
        self._with_gaps = np.flatnonzero([column.missing for column in numbers])
        features: list[tuple[str, str, str, str | None]] = []
        features += [(column.name, column.name, "number", None) for column in numbers]
        features += [
            (f"{c.name} is missing", c.name, "missing", None) for c in numbers if c.missing
        ]
        self._places: dict[int, tuple[dict[str, int], int, int]] = {}
        for k, column in enumerate(self.columns):
            if column.is_text:
                name, first = column.name, len(features)
                features += [(f"{name}={v}", name, "value", v) for v in column.levels]
                features += [(f"{name} is other", name, "other", None)] * column.other
                features += [(f"{name} is missing", name, "missing", None)] * column.missing
                other = first + len(column.levels) if column.other else -1
                self._places[k] = (
                    {value: first + i for i, value in enumerate(column.levels)},
                    other,
                    len(features) - 1 if column.missing else other,
                )
        taken: set[str] = set()
        self.features = tuple(Feature(_free(each[0], taken), *each[1:]) for each in features)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of all features, each of them different."""
        return tuple(feature.name for feature in self.features)

    def encode(self, batch: Any, out: HostArray, seen: Seen) -> None:
        """Write the features of some rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            The columns, in their order; more may follow them.
        out : array of shape (rows, features)
            Of any type of float.
        seen : Seen
            What is met is counted here.

        Raises
        ------
        NotNumbers
            For a missing cell, where such are an error.
        """
        found, count = Seen(), len(self._numbers)
        out[:, count:] = 0
        if count:
            values = numbers_of(batch, self._numbers, self.options.na_values)
            gaps = np.isnan(values)
            if gaps.any():
                values = np.where(gaps, self._means, values)
                totals = np.count_nonzero(gaps, axis=0)
                for i in np.flatnonzero(totals).tolist():
                    found.gaps[self.columns[self._numbers[i]].name] = int(totals[i])
                end = count + len(self._with_gaps)
                out[:, count:end] = gaps[:, self._with_gaps]
            with np.errstate(over="ignore"):
                out[:, :count] = values
        for k, places in self._places.items():
            self._encode_text(k, places, batch.column(k), out, found)
        if found.gaps and self.options.missing == "error":
            raise NotNumbers(counted(found.gaps))
        seen.gaps += found.gaps
        seen.others += found.others

    def _encode_text(
        self,
        k: int,
        places: tuple[dict[str, int], int, int],
        column: Any,
        out: HostArray,
        found: Seen,
    ) -> None:
        levels, other, missing = places
        name = self.columns[k].name
        cells, codes = cells_of(column, self._gaps, codes=name in self.options.categorical)
        counts = np.bincount(codes, minlength=len(cells))
        to = np.empty(len(cells), np.intp)
        for i, cell in enumerate(cells):
            to[i] = missing if cell is None else levels.get(cell, other)
            if cell is None:
                found.gaps[name] += int(counts[i])
            elif cell not in levels:
                found.others[name] += int(counts[i])
        found.gaps, found.others = +found.gaps, +found.others
        at = to[codes]
        rows = np.arange(len(at))
        if (to < 0).any():
            rows = np.flatnonzero(at >= 0)
            at = at[rows]
        out[rows, at] = 1

    def surprises(self, seen: Seen) -> list[str]:
        """Return sentences on cells of which no feature tells that they are not what was learnt."""
        columns = {column.name: column for column in self.columns}
        gaps = {n: count for n, count in seen.gaps.items() if not columns[n].missing}
        numbers = {n: count for n, count in gaps.items() if n not in self.texts}
        texts = {n: count for n, count in gaps.items() if n in self.texts}
        others = {n: count for n, count in seen.others.items() if not columns[n].other}
        found = [
            ("missing where training had every number, taken to be the mean: {}", numbers),
            ("missing where training had every value, taken as none of them: {}", texts),
            ("values that training did not have, taken as none of those it had: {}", others),
        ]
        return [sentence.format(counted(counts)) for sentence, counts in found if counts]

    def describe(self) -> list[dict[str, Any]]:
        """Return what each feature is made of, for those who make them without gdnet."""
        means = {column.name: column.mean for column in self.columns}
        described = []
        for name, column, kind, value in self.features:
            facts: dict[str, Any] = {"name": name, "column": column, "kind": kind}
            if kind == "number":
                facts["mean"] = means[column]
            described.append(facts if value is None else facts | {"value": value})
        return described

    def to_json(self) -> dict[str, Any]:
        """Return all of it as what JSON can hold."""
        most, text, missing, *names = self.options
        return {
            "options": dict(
                zip(Options._fields, (most, text, missing, *map(list, names)), strict=True)
            ),
            "columns": [
                {"name": c.name, "missing": c.missing}
                | ({"levels": list(c.levels), "other": c.other} if c.is_text else {"mean": c.mean})
                for c in self.columns
            ],
        }


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def counted(counts: dict[str, int]) -> str:
    """Return columns with how many of their cells, for a message; shortened when there are many."""
    return explained({name: f"{count:,}" for name, count in counts.items()})

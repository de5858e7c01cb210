"""Data frames and arrays of mixed columns, as batches of Arrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sklearn.utils.validation import check_array

from gdnet.data.columns.arrow_types import as_numbers, coded_text, is_numeric, is_string, storage
from gdnet.data.columns.named import listed
from gdnet.errors import DataError

# Columns are looked at so many rows at a time.
ROWS_AT_A_TIME = 65536


class FrameColumns:
    """A data frame, or an array with columns x0, x1, ..., as Arrow columns.

    Parameters
    ----------
    X : data frame or array-like of shape (m, columns)
        Of a library that narwhals takes, in memory; or of NumPy.

    Raises
    ------
    DataError
        If narwhals or pyarrow is not installed, two columns have the same name, or the frame is
        lazy.
    """

    def __init__(self, X: Any) -> None:
        _check_installed()
        import narwhals

        self._frame: Any = None
        self._columns: dict[str, Any] = {}
        try:
            self._frame = narwhals.from_native(X, eager_only=True)
        except narwhals.exceptions.DuplicateError:
            double = [str(name) for name, count in Counter(X.columns).items() if count > 1]
            raise DataError(
                f"X: expected every column name once, got more than one {listed(double)}; rename "
                "or remove the others"
            ) from None
        except TypeError:
            if hasattr(X, "collect"):
                raise DataError(
                    f"X: expected a data frame in memory, got a {type(X).__name__}; X.collect() "
                    "is one"
                ) from None
            rows = check_array(X, dtype=None, ensure_all_finite=False, input_name="X")
            self._rows = rows
            self.rows, width = rows.shape
        else:
            self.rows, width = self._frame.shape
            if not (self.rows and width):
                raise DataError(f"X: expected rows and columns, got shape {self._frame.shape}")
        names = [] if self._frame is None else list(self._frame.columns)
        # As everywhere in scikit-learn, numbers are not names.
        self.is_named = bool(names) and all(isinstance(name, str) for name in names)
        self.names = names if self.is_named else [f"x{j}" for j in range(width)]
        self._position = {name: j for j, name in enumerate(self.names)}

    def column(self, name: str) -> Any:
        """Return a column as an Arrow array.

        Raises
        ------
        DataError
            If its values are not of one type.
        """
        import pyarrow as pa

        if name not in self._columns:
            try:
                if self._frame is None:
                    values = self._rows[:, self._position[name]]
                    found = pa.array(
                        values.tolist() if values.dtype.kind in "OUS" else values, from_pandas=True
                    )
                else:
                    found = self._frame[:, self._position[name]].to_arrow()
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
                raise DataError(
                    f"column {name!r}: expected values of one type that Arrow has, got: {error}; "
                    "X[column].astype(str) makes text of them"
                ) from None
            if isinstance(found, pa.ChunkedArray):
                found = found.combine_chunks()
            self._columns[name] = found
        return self._columns[name]

    def check(self, name: str, *, text: bool) -> None:
        """Check that there is such a column.

        Parameters
        ----------
        name : str
            The column.
        text : bool
            Whether it may be text.

        Raises
        ------
        DataError
            If there is none, or it is neither numbers nor, if it may be, text.
        """
        from pyarrow import types

        if name not in self._position:
            raise DataError(f"X: expected a column {name!r}, got {listed(self.names)}")
        kind = storage(self.column(name).type)
        if not (is_numeric(kind) or types.is_null(kind) or (text and is_string(kind))):
            what = "text" if text else "numbers"
            raise DataError(f"X: expected {what} in column {name!r}, got type {kind}")

    def batches(self, names: Sequence[str], texts: Collection[str]) -> Iterator[tuple[int, Any]]:
        """Yield Arrow record batches of some columns, each with the number of its first row.

        Raises
        ------
        DataError
            For a column whose values are not of one type.
        """
        import pyarrow as pa

        for lo in range(0, self.rows, ROWS_AT_A_TIME):
            columns = [
                (coded_text if name in texts else as_numbers)(
                    self.column(name).slice(lo, ROWS_AT_A_TIME)
                )
                for name in names
            ]
            yield lo, pa.RecordBatch.from_arrays(columns, [str(k) for k in range(len(names))])


def _check_installed() -> None:
    """Import what data frames are read by, or raise DataError."""
    try:
        import narwhals  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise DataError(
            f"TableEncoder needs {error.name}, which is not installed: pip install {error.name}"
        ) from None

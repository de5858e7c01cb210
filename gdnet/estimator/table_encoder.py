"""TableEncoder: the columns of a data frame as features of a network, for scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gdnet.data.columns.named import explained
from gdnet.data.encoding.encoding import TEXT, Encoding, Options
from gdnet.errors import DataError
from gdnet.estimator.frame_encoding import features_of, learnt_encoding
from gdnet.estimator.frames import FrameColumns
from gdnet.model.model import Model


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn the columns of a table into numbers without gaps, as `gdnet train` does.

    Numbers stay what they are. A missing one becomes the mean of its column, and where the rows of
    `fit` have some missing, one more feature says where. Text becomes one feature for each of its
    most frequent values, which is 1 where the column has it and 0 elsewhere. Numbers come first,
    then where they are missing, then the text, each in the order of the columns.

    Parameters
    ----------
    max_categories : int, default 32
        So many values of a column of text have a feature each, the most frequent ones, of equally
        frequent ones the first in the order of the text. If there are more, the others have one in
        common. A column that has more and, on the average, each of them in fewer than two rows,
        tells rows apart and not kinds of rows: it is left out.
    text : {"encode", "ignore"}, default "encode"
        Whether columns of text are encoded or left out.
    missing : {"impute", "error"}, default "impute"
        Whether missing values are filled in as above, those of text as a value of their own, or
        are an error.
    categorical : sequence of str, optional
        Columns of numbers that are codes, encoded as text is.
    na_values : sequence of str or numbers, optional
        More values that stand for a missing one. Known are None, NaN and, as text in any case,
        the empty text, ?, NA, N/A, #N/A, nan, -nan, null and None.

    Attributes
    ----------
    feature_names_in_ : array of shape (n_columns,)
        The columns that `fit` was given, or a model file has. `transform` finds those that are not
        left out by name, in any order and among others. Not where `fit` was given an array.
    n_features_in_ : int
        How many columns `fit` was given.
    left_out_ : dict of str to str
        The columns that are not encoded, and why.

    See Also
    --------
    gdnet.load : A model file of `gdnet train` as a pipeline of this and the network.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from gdnet import TableEncoder
    >>> table = pa.table({"age": [30.0, None, 50.0], "sex": ["f", "m", "f"]})
    >>> encoder = TableEncoder()
    >>> encoder.fit_transform(table)
    array([[30.,  0.,  1.,  0.],
           [40.,  1.,  0.,  1.],
           [50.,  0.,  1.,  0.]])
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'age is missing', 'sex=f', 'sex=m']
    """

    def __init__(
        self,
        max_categories: int = 32,
        *,
        text: str = "encode",
        missing: str = "impute",
        categorical: Sequence[str] = (),
        na_values: Sequence[Any] = (),
    ) -> None:
        self.max_categories = max_categories
        self.text = text
        self.missing = missing
        self.categorical = categorical
        self.na_values = na_values

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the values of text, and the means of numbers.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)
            Of pandas, polars, pyarrow or whatever narwhals takes.
        y : None
            Not looked at.

        Returns
        -------
        Self
            The fitted encoder.

        Raises
        ------
        DataError
            For parameters that are not as above, numbers that are not finite, columns of mixed
            types, or if no column can be encoded.

        Warns
        -----
        UserWarning
            If columns are left out; names them.
        """
        del y
        options = self._options()
        table = FrameColumns(X)
        encoding, left_out = learnt_encoding(table, options)
        self._encoding, self.left_out_ = encoding, left_out
        self.n_features_in_ = len(table.names)
        self.__dict__.pop("feature_names_in_", None)
        if table.is_named:
            self.feature_names_in_ = np.array(table.names, object)
        asked = {n: why for n, why in left_out.items() if options.text == "encode" or why != "text"}
        if asked:
            warnings.warn(f"columns that are left out: {explained(asked)}", stacklevel=2)
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the features.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)
            With the columns that `fit` has kept; others are not looked at.

        Returns
        -------
        array of shape (n_samples, n_features)
            The features in float64, or what ``set_output`` asks for.

        Raises
        ------
        NotFittedError
            If the encoder is not fitted.
        DataError
            For a column that is not there or of another type, numbers that are not finite, and
            missing values with ``missing="error"``.

        Warns
        -----
        UserWarning
            For missing values where `fit` has seen none, and values of text that it has not seen
            where there is no feature for others; says of how many cells.
        """
        check_is_fitted(self)
        table = FrameColumns(X)
        if not table.is_named and len(table.names) != self.n_features_in_:
            raise DataError(
                f"X has {len(table.names)} features, but TableEncoder is expecting "
                f"{self.n_features_in_} features as input"
            )
        out, seen = features_of(table, self._encoding)
        for sentence in self._encoding.surprises(seen):
            warnings.warn(sentence, stacklevel=2)
        return out

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the features.

        Parameters
        ----------
        input_features : sequence of str, optional
            The names of the columns, which are known; taken as scikit-learn's interface asks for
            it.

        Returns
        -------
        object array of shape (n_features,)
            Such as "age", "age is missing", "sex=f".

        Raises
        ------
        NotFittedError
            If the encoder is not fitted.
        ValueError
            If `input_features` are given, and are not the names of the columns.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        if input_features is not None and names is not None and [*input_features] != [*names]:
            raise ValueError("input_features is not equal to feature_names_in_")
        return np.array(self._encoding.feature_names, object)

    @classmethod
    def of(cls, encoding: Encoding) -> Self:
        """Return the fitted encoder of a model file's encoding.

        Parameters
        ----------
        encoding : Encoding
            That of a `gdnet.model.model.Model`.

        Returns
        -------
        Self
            Fitted to the columns of the encoding.
        """
        encoder = cls(**encoding.options._asdict())
        encoder._encoding, encoder.left_out_ = encoding, {}
        encoder.feature_names_in_ = np.array(encoding.column_names, object)
        encoder.n_features_in_ = len(encoding.columns)
        return encoder

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether a fit has succeeded."""
        return hasattr(self, "_encoding")

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: text and missing values are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "impute"
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def _options(self) -> Options:
        most = self.max_categories
        if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
            raise DataError(f"max_categories: expected an integer of at least 1, got {most!r}")
        for name, allowed in (("text", TEXT), ("missing", ("impute", "error"))):
            if getattr(self, name) not in allowed:
                raise DataError(
                    f"{name}: expected one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name in ("categorical", "na_values"):
            if isinstance(getattr(self, name), str):
                raise DataError(f"{name}: expected a list, got the text {getattr(self, name)!r}")
        na_values = tuple(map(str, self.na_values))
        return Options(int(most), self.text, self.missing, tuple(self.categorical), na_values)


def with_encoder(model: Model, encoder: Any) -> Model:
    """Return a model of features as one of the columns that they are made of, by `encoder` if any.

    Raises
    ------
    DataError
        If it is not a TableEncoder, is not fitted to named columns, or has other features.
    """
    if encoder is None:
        return model
    if not isinstance(encoder, TableEncoder):
        raise DataError(f"encoder: expected a TableEncoder, got {type(encoder).__name__}")
    if not hasattr(encoder, "feature_names_in_"):
        raise DataError("encoder: expected one that is fitted to a data frame, got one that is not")
    encoding, n0 = encoder._encoding, model.shape[0]
    if len(encoding.features) != n0:
        raise DataError(
            f"encoder: expected one of {n0} features, as the network, got {len(encoding.features)}"
        )
    return replace(model, encoding=encoding, feature_names=encoding.feature_names)

"""A trained network that takes raw features, and how it came to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gdnet._typing import HostArray
from gdnet.data.encoding.encoding import Encoding
from gdnet.errors import DataError
from gdnet.parameters import Parameters

KINDS = ("binary", "multiclass", "multilabel", "regression")


@dataclass(frozen=True)
class Model:
    """A trained network that takes raw features, and how it came to be.

    Attributes
    ----------
    parameters : Parameters
        NumPy arrays W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1), of one dtype. Where the
        features were standardised, mean and scale are folded into W1 and b1, in float64.
    activation, output : str
        Names of g1 and g2.
    kind : {"binary", "multiclass", "multilabel", "regression"}
        What the outputs mean.
    classes : tuple or None
        The labels in the order of their codes; None for multi-label and regression.
    feature_names : tuple of str or None
        The columns that the model takes, in order; None if they have no names.
    target_name : str or None
        What it predicts.
    spellings : tuple of str or None
        How false and true are spelled, where the classes are booleans that were text.
    mean : tuple of float or None
        The mean of each feature, where they were standardised: near it a graph in float32 keeps
        its digits, see `gdnet.export.centred`. `parameters` take raw features all the same.
    settings : dict
        What it was trained with.
    training : dict
        How the training went: iterations, cost, ... No time and no number of threads: the same
        training gives the same file.
    versions : dict
        Of gdnet and of the libraries it computed with.
    encoding : Encoding or None
        How its features are made of the columns of a table, where they are not just these.
    """

    parameters: Parameters[HostArray]
    activation: str
    output: str
    kind: str
    classes: tuple[Any, ...] | None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    spellings: tuple[str, str] | None = None
    mean: tuple[float, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    encoding: Encoding | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (n0, n1, n2)."""
        n1, n0 = self.parameters.W1.shape
        return n0, n1, self.parameters.W2.shape[0]

    def check_classifies(self, what: str) -> None:
        """Check that the model predicts classes or labels.

        Parameters
        ----------
        what : str
            What needs such a model; the message begins with it.

        Raises
        ------
        DataError
            For a model that predicts numbers.
        """
        if self.kind == "regression":
            raise DataError(
                f"{what}: expected a model of classes or labels, got one that predicts numbers"
            )

    def check_predicts_numbers(self, what: str) -> None:
        """Check that the model predicts numbers.

        Parameters
        ----------
        what : str
            What needs such a model; the message begins with it.

        Raises
        ------
        DataError
            For a model that predicts classes or labels.
        """
        if self.kind != "regression":
            raise DataError(
                f"{what}: expected a model that predicts numbers, got a {self.kind} model"
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the classes as they were spelled in the data; none where `classes` is None."""
        if self.spellings is not None and self.classes is not None:
            return tuple(self.spellings[bool(label)] for label in self.classes)
        return tuple(str(label) for label in self.classes or ())

    @property
    def trained_in(self) -> str:
        """Return the dtype that it was trained in, which is what it has seen of the numbers.

        A standardised model is saved in float64, but rows that were rounded to float32 in training
        are not other rows for it afterwards.
        """
        dtype = self.settings.get("dtype")
        if dtype in ("float32", "float64"):
            return str(dtype)
        return str(self.parameters.W1.dtype)

"""Labels that are text: what type they have, and which class of a model they name."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet.data.columns.cells import is_boolean, is_integer, is_number
from gdnet.data.labels.coded import labels_of
from gdnet.errors import DataError

#: The remedy for a quantity that is taken for classes.
PREDICT_IT = "to predict a number choose task='regression' (in Python GDRegressor)"

# A whole number as a column of decimals has it: 0.0 for 0.
_WHOLE_DECIMAL = re.compile(r"(0|-?[1-9]\d*)\.0*", re.ASCII)

# More numbers with fractions than this, or than half of the rows, are not classes, unless so many
# rows have each of them.
_MANY_DECIMALS = 20
_ROWS_OF_A_CLASS = 50


class Typed(NamedTuple):
    """The labels of some rows.

    Attributes
    ----------
    values : array or CodedLabels of shape (m,), or an array of shape (m, k)
        One label a row; text as objects.
    spellings : tuple of str or None
        How false and true are spelled, where booleans were text.
    """

    values: Any
    spellings: tuple[str, str] | None = None


def kind_of_labels(texts: Iterable[str]) -> Literal["integer", "boolean", "number", "text"]:
    """Return what labels are that all texts can be read as; "number" are also 1.0, 01 and 1e3."""
    texts = list(texts)
    if all(map(is_integer, texts)):
        return "integer"
    if all(map(is_boolean, texts)):
        return "boolean"
    return "number" if all(map(is_number, texts)) else "text"


def type_labels(texts: Sequence[str], codes: npt.NDArray[np.integer[Any]]) -> Typed:
    """Return labels of text with the type that they have.

    They are integers only if each is spelled as Python writes it, and booleans only if true and
    false are each spelled in one way, so that no two labels become one class: 01 and 1, 3.10 and
    3.1, 10 and 1E1 stay what is written.

    Parameters
    ----------
    texts : sequence of str
        Texts without blanks around them; some may be equal.
    codes : int array of shape (m,)
        The position in `texts` of the label of each row; all of them occur. Written to.

    Raises
    ------
    DataError
        For so many numbers with fractions that they are a continuous quantity.
    """
    distinct = set(texts)
    kind = kind_of_labels(distinct)
    if kind == "integer":
        return Typed(labels_of(np.array([int(text) for text in texts]), codes))
    if kind == "boolean" and len({text.lower() for text in distinct}) == len(distinct):
        spelled = {text.lower(): text for text in distinct}
        truth = np.array([text.lower() == "true" for text in texts])
        spellings = spelled.get("false", "false"), spelled.get("true", "true")
        return Typed(labels_of(truth, codes), spellings)
    fraction = fraction_of_quantity(texts, len(codes))
    if fraction is not None:
        raise DataError(
            f"expected classes, got {len(distinct)} distinct numbers such as {fraction} in "
            f"{len(codes)} rows: this looks like a quantity; {PREDICT_IT}, or turn it into "
            "classes first, for example by a threshold, or, if these are codes, put a letter "
            "before them"
        )
    return Typed(labels_of(np.array(texts, object), codes))


def fraction_of_quantity(texts: Sequence[str], rows: int) -> str | None:
    """Return a number with a fraction if texts are many of them, as of a quantity, or None.

    `rows` is how many rows have one of them.
    """
    distinct = set(texts)
    many = len(distinct) > max(2, min(_MANY_DECIMALS, rows / 2))
    if not many or rows >= _ROWS_OF_A_CLASS * len(distinct) or kind_of_labels(distinct) != "number":
        return None
    return next((text for text in texts if not float(text).is_integer()), None)


def find_classes(labels: Iterable[Any], classes: Sequence[Any]) -> dict[Any, int]:
    """Return the position of each label among the classes of a model.

    A label is found by its exact spelling, or its value if it is not text. Else a whole number
    written as a decimal stands for the integer class of the same value, and true and false in any
    case stand for booleans.

    Parameters
    ----------
    labels : iterable of labels
        Text without blanks around it, integers, floats or booleans.
    classes : sequence of labels
        Distinct.

    Raises
    ------
    DataError
        For a label that is not among them.
    """
    spelled: dict[Any, list[int]] = defaultdict(list)
    by_value: dict[Any, list[int]] = defaultdict(list)
    for code, label in enumerate(classes):
        spelled[_key(label)].append(code)
        spelled[str(label)].append(code)
        if not isinstance(label, str):
            by_value[_values(label)[0]].append(code)
    found = {}
    for label in labels:
        codes = spelled.get(_key(label)) or spelled.get(str(label)) or []
        for value in _values(label):
            codes = codes or by_value.get(value, [])
        if len({*codes}) != 1:
            raise DataError(_unknown(label, classes))
        found[label] = codes[0]
    return found


def _key(label: Any) -> Any:
    """Return a key that is equal for equal labels of one type: True is not 1."""
    return (type(label), label)


def _values(label: Any) -> list[Any]:
    """Return the integers and truth values that a label may stand for, the likeliest first."""
    if isinstance(label, str):
        if is_boolean(label):
            return [("boolean", label.lower() == "true")]
        decimal = _WHOLE_DECIMAL.fullmatch(label)
        return [int(label)] if is_integer(label) else [int(decimal[1])] if decimal else []
    if isinstance(label, bool):
        return [("boolean", label), int(label)]
    if isinstance(label, float) and not label.is_integer():
        return [label]
    # 1 of an array stands for true, as everywhere in NumPy; 1 of a text does not.
    return [int(label), ("boolean", bool(label))] if label in (0, 1) else [int(label)]


def _unknown(label: Any, classes: Sequence[Any]) -> str:
    near = difflib.get_close_matches(str(label), [str(each) for each in classes], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return (
        f"expected labels among the classes of the model, {shown_labels(classes)}, got "
        f"{label!r}{hint}"
    )


def shown_labels(labels: Sequence[Any]) -> str:
    """Return labels for a message, shortened when there are many."""
    shown = ", ".join(repr(label) for label in labels[:10])
    return shown + (f" and {len(labels) - 10} more" if len(labels) > 10 else "")

"""Models to be exported, ONNX Runtime, and what gdnet predicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.activations import sigmoid
from gdnet.backends import get_backend
from gdnet.model.model import Model
from gdnet.model.prediction import predict_outputs, predicted_codes
from gdnet.parameters import initialise

Rows = np.ndarray[Any, Any]

KINDS = {
    "binary": ("sigmoid", 1, ("no", "yes")),
    "multiclass": ("softmax", 3, ("a", "ü", "日本")),
    "multilabel": ("sigmoid", 3, None),
}


def model_of(kind: str, activation: str = "tanh", dtype: str = "float32") -> Model:
    output, n2, classes = KINDS[kind]
    parameters = initialise(5, 7, n2, random_state=4, init_scale=1.5, dtype=dtype)
    b1 = np.linspace(-1, 1, 7, dtype=dtype).reshape(-1, 1)
    parameters = parameters._replace(b1=b1, b2=np.full((n2, 1), 0.3, dtype))
    return Model(parameters, activation, output, kind, classes, tuple("abcde"), "target")


def rows(m: int) -> Rows:
    return 2 * np.random.RandomState(m).randn(m, 5).astype(np.float32)


def session(model: Any) -> Any:
    """Return a ModelProto, or its bytes, in ONNX Runtime."""
    import onnxruntime

    content = model if isinstance(model, bytes) else model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run(model: Any, X: Rows) -> tuple[Rows, Rows]:
    """Return label and probabilities."""
    label, probabilities = session(model).run(["label", "probabilities"], {"X": X})
    return label, probabilities


def predicted_classes(model: Model, X: Rows) -> tuple[Rows, Rows]:
    """Return codes and probabilities."""
    Z2, A2 = predict_outputs(model, X, get_backend("cpu"))
    if model.kind == "binary":
        A2 = np.hstack([np.asarray(sigmoid(-Z2, np)), A2])
    return predicted_codes(Z2, model.kind), A2


def predicted(model: Model, X: Rows) -> tuple[Rows, Rows]:
    """Return labels and probabilities."""
    codes, A2 = predicted_classes(model, X)
    return codes if model.classes is None else np.array(model.classes)[codes], A2

"""A trained network as ONNX, to predict without gdnet and without Python."""

from gdnet.export.onnx.model import IR_VERSION, OPSET, save_onnx, to_onnx
from gdnet.export.onnx.outputs import LABELS

__all__ = ["IR_VERSION", "LABELS", "OPSET", "save_onnx", "to_onnx"]

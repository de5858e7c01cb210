"""How runtimes read and run a file, for those that gdnet does not know itself.

Each function is run where the runtime is installed, and gdnet is not.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Rows = np.ndarray[Any, Any]
Run = Callable[[Rows], list[Rows]]


def ort_int8(path: str) -> Run:
    """ONNX Runtime's quantize_dynamic, with its defaults."""
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(path, f"{path}.int8")
    return _ort(f"{path}.int8")


def ort_float16(path: str) -> Run:
    """ONNX Runtime on a file that is float16 but for what takes raw features, and what it gives."""
    import onnx
    from onnxconverter_common.float16 import convert_float_to_float16

    half = convert_float_to_float16(
        onnx.load(path), keep_io_types=True, node_block_list=["centred", "scaled"]
    )
    onnx.save(half, f"{path}.half")
    return _ort(f"{path}.half")


def onnxsim(path: str) -> Run:
    """ONNX Runtime on what onnxsim makes of the file."""
    import onnx
    import onnxsim

    onnx.save(onnxsim.simplify(onnx.load(path))[0], f"{path}.sim")
    return _ort(f"{path}.sim")


def onnxslim(path: str) -> Run:
    """ONNX Runtime on what onnxslim makes of the file."""
    import onnx
    import onnxslim

    onnx.save(onnxslim.slim(path), f"{path}.slim")
    return _ort(f"{path}.slim")


def onnxoptimizer(path: str) -> Run:
    """ONNX Runtime on what onnxoptimizer makes of the file."""
    import onnx
    import onnxoptimizer

    onnx.save(onnxoptimizer.optimize(onnx.load(path)), f"{path}.opt")
    return _ort(f"{path}.opt")


def mnn(path: str) -> Run:
    """MNN, on a file that its converter writes."""
    from MNN import expr, nn

    # Not MNN.tools.mnnconvert, which installs a package and reports that it was run.
    convert = [sys.executable, "-c", "import sys, _tools; _tools.mnnconvert(sys.argv)"]
    command = [*convert, "-f", "ONNX", "--modelFile", path, "--MNNModel", f"{path}.mnn"]
    subprocess.run([*command, "--bizCode", "gdnet"], check=True, capture_output=True)
    names = [name for name, *_ in _outputs(path)]
    module = nn.load_module_from_file(f"{path}.mnn", ["X"], names)

    def run(X: Rows) -> list[Rows]:
        given = expr.const(X, list(X.shape), expr.NCHW, expr.float)
        return [np.array(each.read()) for each in module.forward([given])]

    return run


def tvm(path: str) -> Run:
    """TVM, compiled for the CPU."""
    import onnx
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    module = relax.transform.DecomposeOpsForInference()(from_onnx(onnx.load(path)))
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())

    def run(X: Rows) -> list[Rows]:
        found = machine["main"](tvm.runtime.tensor(X))
        return [each.numpy() for each in ([found] if hasattr(found, "numpy") else found)]

    return run


def torch(path: str) -> Run:
    """PyTorch, by onnx2torch."""
    import onnx2torch
    import torch

    module = onnx2torch.convert(path).eval()

    def run(X: Rows) -> list[Rows]:
        with torch.no_grad():
            found = module(torch.from_numpy(X))
        return [each.numpy() for each in _as_list(found)]

    return run


def jax(path: str) -> Run:
    """JAX, by jaxonnxruntime."""
    import onnx
    from jaxonnxruntime.backend import Backend

    proto = onnx.load(path)
    return lambda X: [np.asarray(each) for each in Backend.run_model(proto, [X])]


def iree(path: str) -> Run:
    """IREE, compiled for the CPU."""
    import iree.compiler.tools
    import iree.runtime

    importer = Path(sys.executable).with_name("iree-import-onnx")
    command = [str(importer), path, "--opset-version", "17", "-o", f"{path}.mlir"]
    subprocess.run(command, check=True, capture_output=True)
    compiled = iree.compiler.tools.compile_file(
        f"{path}.mlir", target_backends=["llvm-cpu"], input_type="onnx"
    )
    context = iree.runtime.SystemContext(config=iree.runtime.Config("local-task"))
    context.add_vm_module(iree.runtime.VmModule.copy_buffer(context.instance, compiled))
    function = context.modules.module["gdnet"]
    return lambda X: [np.asarray(each) for each in _as_list(function(X))]


def emx(path: str) -> Run:
    """C by emx-onnx-cgen, for one row at a time."""
    compiler = Path(sys.executable).with_name("emx-onnx-cgen")
    command = [str(compiler), "compile", "--input-dim", "batch=1", path, f"{path}.c"]
    subprocess.run(command, check=True, capture_output=True)
    function = _compiled(Path(f"{path}.c")).model
    outputs = _outputs(path)

    def run(X: Rows) -> list[Rows]:
        found = [np.zeros((len(X), *columns), dtype) for _, dtype, columns in outputs]
        for k in range(len(X)):
            function(*(_data(each[k : k + 1]) for each in (X, *found)))
        return [each.astype(str) if each.dtype.kind == "S" else each for each in found]

    return run


def c_header(path: str) -> Run:
    """Compile the C header that lies next to the file; its label is the number of a class."""
    label, *_ = _outputs(path)
    is_code = label[0] == "probabilities" or (label[1] != "S256" and not label[2])
    if Path(path).stem == "classes" or not is_code:
        raise TypeError("its label is a code")
    code = Path(path).with_name("predict.c")
    code.write_text(
        '#include "model.h"\n'
        "void predict(int m, const float *X, int *label, float *P)\n"
        "{ for (int i = 0; i < m; i++)\n"
        "      label[i] = model_predict(X + i * MODEL_FEATURES, P + i * MODEL_OUTPUTS); }\n"
        "int columns(void) { return MODEL_OUTPUTS; }\n"
    )
    library = _compiled(code)

    def run(X: Rows) -> list[Rows]:
        label = np.zeros(len(X), np.int32)
        found = np.zeros((len(X), library.columns()), np.float32)
        library.predict(len(X), _data(X), _data(label), _data(found))
        return [label, found] if Path(path).stem == "codes" else [found]

    return run


def _ort(path: str) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda X: list(session.run(None, {"X": X}))


def _outputs(path: str) -> list[tuple[str, Any, tuple[int, ...]]]:
    """Return name, dtype and columns of the outputs of a file."""
    import onnx

    found = []
    for output in onnx.load(path).graph.output:
        tensor = output.type.tensor_type
        text = tensor.elem_type == onnx.TensorProto.STRING
        dtype = "S256" if text else onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        found.append((output.name, dtype, tuple(d.dim_value for d in tensor.shape.dim[1:])))
    return found


def _compiled(code: Path) -> ctypes.CDLL:
    library = code.with_suffix(".so").resolve()
    command = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(code), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(library))


def _data(array: Rows) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def _as_list(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) else [found]

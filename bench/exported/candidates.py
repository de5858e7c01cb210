"""The runtimes, with the versions that are installed, and what must be known of each."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gdnet.export.onnx import runtimes
from gdnet.export.onnx.runtimes import RUNTIMES

OWN = str(Path(runtimes.__file__).resolve())
LOADERS = str(Path(__file__).with_name("loaders.py").resolve())


class Candidate(NamedTuple):
    """A runtime, or a way to use one.

    Attributes
    ----------
    name : str
        How the table calls it.
    packages : tuple of str
        Of PyPI, or of npm if `loader` begins with "node"; the first names the version.
    loader : str
        A function of loaders.py, the index of a runtime that gdnet knows, or "node DEVICE".
    note : str
        What to set, or what it is.
    is_float32 : bool
        Whether it computes in float32.
    """

    name: str
    packages: tuple[str, ...]
    loader: str
    note: str = ""
    is_float32: bool = True


_ONNX, _ORT = "onnx==1.23.2", "onnxruntime==1.32.0"


def _known(
    name: str, setting: str, *packages: str, note: str = "", exact: bool = True
) -> Candidate:
    (k,) = (k for k, r in enumerate(RUNTIMES) if (r.name, r.setting) == (name, setting))
    return Candidate(f"{name} {setting}".strip(), packages, str(k), note, exact)


CANDIDATES = (
    _known("ONNX Runtime", "", _ORT, note="Python"),
    Candidate("onnxruntime-node", ("onnxruntime-node@1.30.0",), "node cpu", "integers are BigInt"),
    Candidate(
        "onnxruntime-web",
        ("onnxruntime-web@1.30.0",),
        "node wasm",
        "WebAssembly under node; integers are BigInt",
    ),
    Candidate(
        "@jax-js/onnx",
        ("@jax-js/onnx@0.1.2",),
        "node wasm",
        "its `log` is up to 1e-5 off in WebAssembly, and so is softplus",
    ),
    Candidate("@jax-js/onnx cpu", ("@jax-js/onnx@0.1.2",), "node cpu", '`defaultDevice("cpu")`'),
    _known("onnx.reference", "", _ONNX),
    _known(
        "OpenVINO",
        "",
        "openvino==2026.4.1",
        note="its default is bf16 where the processor has it",
        exact=False,
    ),
    _known("OpenVINO", "f32", "openvino==2026.4.1", note='`{"INFERENCE_PRECISION_HINT": "f32"}`'),
    _known("tract", "", "tract==0.23.9"),
    _known("tinygrad", "", "tinygrad==0.14.0", note="one `OnnxRunner` for each number of rows"),
    _known("OpenCV", "", "opencv-python-headless==5.0.0.93"),
    Candidate(
        "MNN",
        ("mnn==3.6.1", _ONNX),
        "mnn",
        "converted by `_tools.mnnconvert`; its program `mnnconvert` installs a package by pip",
    ),
    Candidate("TVM", ("apache-tvm==0.27.0.post1", _ONNX), "tvm", "`relax`, compiled by LLVM"),
    Candidate(
        "IREE",
        ("iree-base-compiler[onnx]==3.13.0", "iree-base-runtime==3.13.0"),
        "iree",
        "`iree-import-onnx --opset-version 17`",
    ),
    Candidate(
        "onnx2torch", ("onnx2torch==1.5.15", _ONNX, "torch==2.14.1"), "torch", "PyTorch 2.14.1"
    ),
    Candidate(
        "jaxonnxruntime",
        ("jaxonnxruntime==0.3.0", "absl-py", _ONNX, "jax==0.10.2"),
        "jax",
        "JAX 0.10.2; does not have relu of opset 13",
    ),
    Candidate(
        "emx-onnx-cgen",
        ("emx-onnx-cgen==1.4.0",),
        "emx",
        "C; `--input-dim batch=1`; text is wrong without a word",
    ),
    Candidate("onnxsim", ("onnxsim==0.8.1", _ONNX, _ORT), "onnxsim", "then ONNX Runtime"),
    Candidate("onnxslim", ("onnxslim==0.1.98", _ONNX, _ORT), "onnxslim", "then ONNX Runtime"),
    Candidate(
        "onnxoptimizer", ("onnxoptimizer==0.4.2", _ONNX, _ORT), "onnxoptimizer", "then ONNX Runtime"
    ),
    Candidate("gdnet's C header", (_ONNX,), "c_header", "gcc -O2"),
    Candidate(
        "quantize_dynamic",
        (_ORT, _ONNX),
        "ort_int8",
        "int8, ONNX Runtime's defaults",
        False,
    ),
    Candidate(
        "float16",
        ("onnxconverter-common==1.16.0", _ONNX, _ORT),
        "ort_float16",
        'by onnxconverter-common, `node_block_list=["centred", "scaled"]`',
        False,
    ),
)

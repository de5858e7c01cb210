#!/usr/bin/env bash
# threadpoolctl 3.8.0 with NumPy 2.4.6 (OpenBLAS 0.3.31): the first Python thread that sets a limit of
# OpenBLAS is the only one that is obeyed from then on. What another thread sets is dropped, with no error
# and no warning, also when the first one has left its own limit, where it was set by
# LibController.set_num_threads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 threadpoolctl==3.8.0
OPENBLAS_NUM_THREADS=2 "$folder/venv/bin/python" - <<'PYTHON'
import threading

import numpy  # noqa: F401 - loads OpenBLAS
from threadpoolctl import ThreadpoolController

(blas,) = ThreadpoolController().select(user_api="blas").lib_controllers


def in_a_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


seen = {"at first": blas.num_threads}
blas.set_num_threads(1)
seen["set to 1 in the main thread"] = blas.num_threads
blas.set_num_threads(2)
seen["set to 2 in the main thread"] = blas.num_threads
in_a_thread(lambda: blas.set_num_threads(1))
seen["set to 1 in another thread"] = blas.num_threads
for what, threads in seen.items():
    print(f"{what}: {threads}")
assert list(seen.values()) == [2, 1, 2, 2]
PYTHON

"""CuPy on CUDA GPUs: the backend, and the kernels that it compiles."""

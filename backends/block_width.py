"""How many examples a block has on the CPU, and each product of a prediction: by shapes alone."""

from __future__ import annotations

# What a block works on: X, A1 and dZ1 (which takes the place of Z1), and rows for the outputs.
# Of this size Python's share of the time is small, so that one process can feed many cores, and the
# arrays stay in the caches; `python -m bench.scale` shows both sides.
WORKING_SET_BYTES = 2**23
ROWS_AN_OUTPUT = 8
MIN_COLUMNS = 256
# A power of two is a number of blocks that most machines can share evenly. Each keeps at least half
# of the width, or a quarter where there are only two, because narrow blocks are slower.
EVEN_BLOCKS = 32
# A copy of the inputs of a block, where one is needed, is no larger than this, or than so many
# times W1: where a block's inputs are smaller than its gradient, adding gradients takes the time.
MAX_INPUT_BYTES = 2**23
MAX_INPUTS_PER_W1 = 4
# Of a prediction each product has so many examples: narrower ones take longer for many rows, and
# wider ones for a single row. A hidden unit's activation takes as long as so many of its inputs,
# and float64 so many times as long as float32.
MIN_PRODUCT_COLUMNS = 64
MAX_PRODUCT_COLUMNS = 256
INPUTS_PER_ACTIVATION = 24
FLOAT64_SLOWDOWN = 4
PRODUCT_WORK = 900_000
# Rows that are a multiple of this apart compete for the same places of the caches: products and
# sums of such arrays take a fifth longer.
PAGE_BYTES = 4096
CACHE_LINE_BYTES = 64


def block_columns(m: int, n0: int, n1: int, n2: int, itemsize: int) -> int:
    """Return a width at which a block's arrays, a copy of X included, take about 8 MiB.

    Of fewer than `EVEN_BLOCKS` such blocks the examples are shared out evenly.
    """
    an_example = (n0 + 2 * n1 + ROWS_AN_OUTPUT * n2) * itemsize
    widest = max(WORKING_SET_BYTES // an_example, MIN_COLUMNS)
    of_W1 = min(MIN_COLUMNS, MAX_INPUTS_PER_W1 * n1)
    widest = min(widest, max(MAX_INPUT_BYTES // (n0 * itemsize), of_W1))
    blocks = 2 if 2 * m >= widest else 1
    while blocks < EVEN_BLOCKS and m >= blocks * widest:
        blocks *= 2
    columns = min(widest, max(-(-m // blocks), 1))
    if columns < m and columns * itemsize % PAGE_BYTES == 0:
        columns += CACHE_LINE_BYTES // itemsize
    return columns


def product_columns(n0: int, n1: int, itemsize: int) -> int:
    """Return 64, or up to 256 for networks so small that a single row is predicted as soon."""
    columns = MAX_PRODUCT_COLUMNS
    an_example = n1 * (n0 + INPUTS_PER_ACTIVATION)
    if itemsize == 8:
        an_example *= FLOAT64_SLOWDOWN
    while columns > MIN_PRODUCT_COLUMNS and columns * an_example > PRODUCT_WORK:
        columns //= 2
    return columns

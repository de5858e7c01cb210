"""What a run is of, so that no other run resumes from its checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.device_arrays import on_host
from gdnet.data.source import Source
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters
from gdnet.ranks.communicator import Ranks

# Data of up to 4 million numbers are hashed whole, larger ones in samples from all over them.
MAX_SAMPLES = 64
NUMBERS_A_SAMPLE = 2**16


def identity(
    gradient: FullBatch,
    start: Parameters,
    validation: FullBatch | None,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Return what two runs have in common that end with the same bits, as JSON can hold it.

    Parameters
    ----------
    gradient : FullBatch
        What is descended.
    start : Parameters
        Where it begins; arrays of the backend.
    validation : FullBatch or None
        What is validated on.
    settings : dict
        How it is descended, and what else must be the same.
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in start:
        digest.update(np.ascontiguousarray(gradient.backend.to_numpy(array)).data)
    dtype = gradient.dtype
    of_gradient = {
        "hidden": gradient.shape[1],
        "activation": gradient.g1.name,
        "output": gradient.g2.name,
        "dtype": str(dtype),
        "l2": gradient.l2,
        "engine": gradient.engine,
        "version of its arithmetic": gradient.arithmetic,
    }
    return {
        "settings": settings | of_gradient,
        "data": fingerprint(gradient.source, dtype, gradient.ranks),
        "validation": None
        if validation is None
        else fingerprint(validation.source, dtype, validation.ranks),
        "first parameters (hash)": digest.hexdigest(),
        "block_size": gradient.grid.columns,
    }


def difference(
    saved: dict[str, Any], now: dict[str, Any], of: str = "", *, where: str = "in the checkpoint"
) -> str | None:
    """Return in words the first thing that is not the same, with both values, or None."""
    for name in [*now, *(name for name in saved if name not in now)]:
        one, other = saved.get(name), now.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            part = "" if name == "settings" else f" of the {name}"
            found = difference(one, other, part, where=where)
            if found:
                return found
        elif one != other:
            return f"{name}{of} is {_text(one)} {where} and {_text(other)} here"
    return None


def fingerprint(source: Source, dtype: npt.DTypeLike, ranks: Ranks | None = None) -> dict[str, Any]:
    """Return shape, total weight and a hash of the examples, without reading all of many.

    The same examples give the same fingerprint from memory, from a file and in any layout.

    Parameters
    ----------
    source : Source
        The examples.
    dtype : float32 or float64
        What is computed in.
    ranks : Ranks, optional
        Which each read their own, where the source has them shared.
    """
    digest = hashlib.blake2b(digest_size=16)
    height = max(1, NUMBERS_A_SAMPLE // source.n0)

    def sample(lo: int) -> list[bytes]:
        X, labels, weights = source.read(lo, min(lo + height, source.m))
        found = [np.ascontiguousarray(on_host("X", X).T, dtype).tobytes()]
        kept_as = np.float64 if source.continuous else np.int64
        found.append(np.ascontiguousarray(labels, kept_as).tobytes())
        if weights is not None:
            found.append(np.ascontiguousarray(weights, np.float64).tobytes())
        return found

    if not getattr(source, "shared", False):
        ranks = None
    for lo in _starts(source.m, height):
        found = [sample(lo)] if ranks is None else _of_owner(sample, lo, source.m, ranks)
        for content in (content for of_rank in found for content in of_rank):
            digest.update(content)
    content_hash = digest.hexdigest()
    if ranks is not None:
        content_hash = ranks.of_first(digest.hexdigest, "the hash of the data")
    return {
        "examples": source.m,
        "features": source.n0,
        "outputs": source.n2,
        "total weight": source.total_weight,
        "content (hash)": content_hash,
    }


def _of_owner(
    sample: Callable[[int], list[bytes]], lo: int, m: int, ranks: Ranks
) -> list[list[bytes]]:
    """Return on the first rank what the one that has example `lo` reads."""
    mine = lo in ranks.own(m)
    return ranks.to_first(lambda: sample(lo) if mine else [], "a sample of the data")


def _starts(m: int, height: int) -> list[int]:
    """Return where the samples begin: the first rows, the last, and evenly between them."""
    count = min(MAX_SAMPLES, -(-m // height))
    last = max(m - height, 0)
    return [last * i // max(count - 1, 1) for i in range(count)]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return f"of {value.get('examples')} examples"
    return "none" if value is None else str(value)

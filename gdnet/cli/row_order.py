"""What the ranks make of their rows, in the order of all rows, for the one that writes it."""

from __future__ import annotations

import contextlib
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from gdnet.ranks.communicator import Ranks

Piece = TypeVar("Piece")


def in_row_order(
    ranks: Ranks, pieces: Iterator[Piece], count: int, folder: Path
) -> Iterator[Piece]:
    """Yield on the first rank the pieces of all ranks, in the order of the rows; on others none.

    The first yields its own as they come. Those of the others are of later rows: it keeps them in
    temporary files without a name, so that memory does not grow with their number.

    Parameters
    ----------
    ranks : Ranks
        All of which call this, and ask for pieces until there are no more.
    pieces : iterator
        What this rank makes of its blocks, one each: ``ranks.own(count)``. It can be pickled.
    count : int
        Number of all blocks.
    folder : Path
        Where the temporary files are.

    Raises
    ------
    DataError, RankFailed, KeyboardInterrupt
        As `Ranks.share`.
    OSError
        If there is no room for a temporary file.
    """
    with contextlib.ExitStack() as stack:
        later: list[BinaryIO] = []
        if ranks.rank == 0:
            for _ in range(1, ranks.size):
                later.append(stack.enter_context(tempfile.TemporaryFile(dir=folder)))
        waiting = [0] * len(later)
        with ranks.signals_wait():
            for _ in range(-(-count // ranks.size)):
                found = ranks.to_first(lambda: next(pieces, None), "the predictions")
                for k, piece in enumerate(found[1:]):
                    if piece is not None:
                        _put(piece, later[k], folder)
                        waiting[k] += 1
                if found and found[0] is not None:
                    yield found[0]
        for file, number in zip(later, waiting, strict=True):
            file.seek(0)
            for _ in range(number):
                yield pickle.load(file)


def _put(piece: object, file: BinaryIO, folder: Path) -> None:
    try:
        pickle.dump(piece, file)
    except OSError as error:  # the file has no name that could be said
        raise OSError(error.errno, error.strerror, str(folder)) from None

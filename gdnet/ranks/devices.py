"""Where each rank computes: one card of its machine each, and the same kind of device on all."""

from __future__ import annotations

import socket
from typing import NamedTuple

from gdnet.backends import ENGINES, Choice, choose_backend, parse_device
from gdnet.backends.cpu import CpuBackend
from gdnet.errors import DeviceUnavailable
from gdnet.ranks.communicator import Machine, Ranks


class Found(NamedTuple):
    """What a rank has found.

    Attributes
    ----------
    host : str
        The name of its machine.
    card : str or None
        What tells its card from all others; None without one.
    reason, problem : str
        Without a card the code of `DeviceUnavailable`, and its message.
    """

    host: str
    card: str | None
    reason: str = ""
    problem: str = ""

    def named(self, rank: int) -> Found:
        """Return it with the rank in the problem; what to do stays behind the first colon."""
        return self._replace(problem=f"rank {rank} on {self.host} has none, {self.problem}")


def choose_on_ranks(
    ranks: Ranks,
    device: str = "auto",
    *,
    threads: int | None = None,
    precision: str = "highest",
    engine: str = "auto",
) -> Choice:
    """Return this rank's backend, and the reason for it; all ranks call this.

    Of "cuda" and "auto" a rank takes the card of its number among the ranks of its machine, or, if
    it sees a single card, that one: a launcher has set CUDA_VISIBLE_DEVICES, or there is no other.
    "auto" takes the CPU on all ranks if one of them has no card of its own.

    Parameters
    ----------
    ranks : Ranks
        Who computes together.
    device : {"auto", "cpu", "cuda", "cuda:N"}
        The device.
    threads : int, optional
        Number of CPU threads of this rank.
    precision : {"highest", "tf32"}, default "highest"
        Of matrix products in float32.
    engine : str, default "auto"
        How the gradient is computed.

    Raises
    ------
    DataError
        As `gdnet.backends.choose_backend`.
    DeviceUnavailable
        On all ranks, if a CUDA device was asked for and one of them has none of its own; the
        message says which rank, on which host, and what to do.
    """
    spec = parse_device(device)
    of_cpu = engine not in ("auto", *ENGINES["cuda"])
    if spec.kind == "cpu" or of_cpu or ranks.size == 1:
        return choose_backend(device, threads=threads, precision=precision, engine=engine)
    machine, host = ranks.machine(), socket.gethostname()
    chosen: list[Choice] = []

    def look() -> list[Found]:
        try:
            name = _own(spec.number, machine, host)
            choice = choose_backend(name, threads=threads, precision=precision, engine=engine)
        except DeviceUnavailable as error:
            return [Found(host, None, error.reason, str(error))]
        chosen.append(choice)
        return [Found(host, choice.backend.identifier())]

    found = ranks.gathered(look)
    which = _without_a_card(found)
    asked = spec.kind == "cuda"
    if which is None:
        return Choice(chosen[0].backend, "asked for" if asked else "CUDA is available")
    of_rank = found[which]
    if of_rank.card is None and any(each.problem != of_rank.problem for each in found):
        of_rank = of_rank.named(which)
    if asked or engine not in ("auto", *ENGINES["cpu"]):
        raise DeviceUnavailable(of_rank.reason, of_rank.problem)
    return Choice(CpuBackend(threads, engine), f"no CUDA: {of_rank.problem}")


def _own(number: int | None, machine: Machine, host: str) -> str:
    """Return the name of the card of this rank among those that it sees."""
    from gdnet.backends.cuda.backend import device_count  # which ranks on the CPU do not wait for

    count = device_count()
    if number is not None:
        return f"cuda:{number}"
    if count == 1:
        return "cuda:0"
    if machine.rank >= count:
        raise DeviceUnavailable("bad-index", _too_few(machine.size, host, count))
    return f"cuda:{machine.rank}"


def _without_a_card(found: list[Found]) -> int | None:
    """Return the first rank that has no card of its own, with its problem written down."""
    taken: dict[tuple[str, str], int] = {}
    for rank, each in enumerate(found):
        if each.card is None:
            return rank
        other = taken.setdefault((each.host, each.card), rank)
        if other != rank:
            on_host = sum(one.host == each.host for one in found)
            cards = len({one.card for one in found if one.host == each.host})
            problem = _too_few(on_host, each.host, cards)
            found[rank] = each._replace(reason="bad-index", problem=problem)
            return rank
    return None


def _too_few(ranks: int, host: str, cards: int) -> str:
    noun = "CUDA device" if cards == 1 else "CUDA devices"
    return (
        f"the {ranks} ranks on {host} have {cards} {noun}: start one rank for each device "
        f"(mpiexec -n {cards}, srun --ntasks-per-node={cards} --gpus-per-task=1), or choose "
        "--device cpu"
    )

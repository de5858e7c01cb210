"""Signals become exceptions, whatever foreign code makes of those."""

from __future__ import annotations

import contextlib
import signal
import sys
import time

import pytest

from gdnet.cli.signals import Terminated, ended_by_signals, raise_received

CAME = [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]


@pytest.mark.parametrize(("number", "kind"), CAME)
def test_signal_is_raised(number: signal.Signals, kind: type[BaseException]) -> None:
    before = signal.getsignal(number)
    with pytest.raises(kind), ended_by_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("number", "kind"), CAME)
def test_error_that_a_signal_became_is_the_signal(
    number: signal.Signals, kind: type[BaseException]
) -> None:
    def imported() -> None:  # as the C part of an import does
        try:
            signal.raise_signal(number)
        except BaseException as error:
            raise ImportError("PyCapsule_Import could not import module") from error

    with pytest.raises(kind), ended_by_signals():
        imported()


@pytest.mark.parametrize(("number", "kind"), CAME)
def test_signal_that_python_drops_comes_again(
    number: signal.Signals, kind: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    class Deleted:
        def __del__(self) -> None:
            if self.armed:
                self.armed = False
                signal.raise_signal(number)

        armed = True

    def delete_and_go_on() -> None:
        Deleted()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            pass

    hook = sys.unraisablehook
    with pytest.raises(kind), ended_by_signals():
        delete_and_go_on()
    assert sys.unraisablehook is hook
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("number", "kind"), CAME)
def test_signal_that_foreign_code_clears_is_raised_again(
    number: signal.Signals, kind: type[BaseException]
) -> None:
    def import_and_go_on() -> None:
        with contextlib.suppress(BaseException):
            signal.raise_signal(number)
        raise_received()

    raise_received()
    with pytest.raises(kind), ended_by_signals():
        import_and_go_on()
    raise_received()


def test_other_errors_that_python_drops_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deleted:
        def __del__(self) -> None:
            raise KeyError

    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: reported.append(lost.exc_type))
    with ended_by_signals():
        Deleted()
    assert reported == [KeyError]


def test_errors_without_a_signal_stay_what_they_are() -> None:
    with pytest.raises(ImportError), ended_by_signals():
        raise ImportError


def test_second_sigint_is_raised_and_second_sigterm_is_not() -> None:
    def twice(number: signal.Signals) -> None:
        with contextlib.suppress(KeyboardInterrupt, Terminated):
            signal.raise_signal(number)
        signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt), ended_by_signals():
        twice(signal.SIGINT)
    with ended_by_signals():
        twice(signal.SIGTERM)


def test_signals_that_are_ignored_stay_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ended_by_signals():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

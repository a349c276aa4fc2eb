"""Rounds of work in child processes, one child at a time: interleaved, so that a slow minute of the

machine hits all engines alike. A child that has nothing to do waits in a system call.
"""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from statistics import median
from typing import Any, Self

from runtime.errors import UserError

SETTLE_SECONDS = 0.3
"""Between two turns: threads of the last child may spin for a moment when they are done."""

END_SECONDS = 10.0
"""For a child to end by itself."""


class ChildFailed(Exception):
    """A child ended, or its work raised: with its traceback, if it could leave one."""


class Disagreement(Exception):
    """Engines with the same weights do not compute the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a method returned, and how long it took."""

    value: Any
    seconds: float


class Child:
    """An object in a process of its own, whose methods can be called."""

    def __init__(self, name: str, make: Callable[..., object], *arguments: Any) -> None:
        """Starts the process, which calls `make(*arguments)`; does not wait for that."""
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._connection, far_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(far_end, make, arguments))
        self._process.start()
        assert self._process.pid is not None
        self._group = self._process.pid
        far_end.close()

    def wait(self) -> None:
        """Returns when the object is made. Raises ChildFailed, or the UserError it raised."""
        self._receive()

    def call(self, method: str, *arguments: Any) -> Answer:
        """What the method gives. Raises ChildFailed, or the UserError it raised."""
        self._connection.send((method, arguments))
        return self._receive()

    def close(self) -> None:
        """Ends the process and its own children, by force if it takes too long."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send(None)
        # Not `join`: until it is joined, nobody else can have the number of its group.
        wait([self._process.sentinel], timeout=END_SECONDS)
        self._process.kill()
        with suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)
        self._process.join()

    def _receive(self) -> Answer:
        try:
            answer = self._connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            code = self._process.exitcode
            raise ChildFailed(f"{self.name}: its process ended with exit code {code}") from None
        match answer:
            case Answer():
                return answer
            case UserError():
                raise answer
            case text:
                raise ChildFailed(f"{self.name}:\n{text}")


class Children:
    """Some children that end together."""

    def __init__(self) -> None:
        self.all: list[Child] = []

    def start(self, name: str, make: Callable[..., object], *arguments: Any) -> Child:
        """One more, ready to be called. They start one after the other."""
        child = Child(name, make, *arguments)
        self.all.append(child)
        child.wait()
        return child

    @contextmanager
    def alone(self, name: str, make: Callable[..., object], *arguments: Any) -> Iterator[Child]:
        """One that is not counted among them and ends with the context."""
        child = Child(name, make, *arguments)
        try:
            child.wait()
            yield child
        finally:
            child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.all:
            child.close()


def interleaved(
    children: Sequence[Child],
    rounds: int,
    turn: Callable[[Child, int], float],
    begin: Callable[[int], None],
    settle: float = SETTLE_SECONDS,
) -> dict[str, list[float]]:
    """`turn(child, round)` for each child in each round -> what it gave, by the child's name.

    Each round starts with `begin(round)` and goes on with another child first.
    """
    speeds: dict[str, list[float]] = {child.name: [] for child in children}
    for number in range(rounds):
        begin(number)
        first = number % len(children)
        for child in (*children[first:], *children[:first]):
            time.sleep(settle)
            speeds[child.name].append(turn(child, number))
    return speeds


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of each round."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def check_losses(losses: Mapping[str, float], tolerance: float) -> None:
    """Raise Disagreement if a loss is not that of the first engine."""
    reference = next(iter(losses.values()))
    # Written so that nan disagrees.
    if not all(abs(loss - reference) <= tolerance for loss in losses.values()):
        listed = ", ".join(f"{name} {loss:.6f}" for name, loss in losses.items())
        raise Disagreement(f"the same weights give other losses: {listed}")


def _serve(connection: Connection, make: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    """The life of a child: answers calls until it is told to end, or its parent is gone."""
    os.setsid()  # so that it can be ended with its own children, and Ctrl-C is the parent's alone
    try:
        served = make(*arguments)
        connection.send(Answer(value=None, seconds=0.0))
        try:
            _answer_calls(connection, served)
        finally:
            if hasattr(served, "close"):
                served.close()
    except EOFError:
        return
    except UserError as error:
        connection.send(error)
    except Exception:
        connection.send(traceback.format_exc())


def _answer_calls(connection: Connection, served: object) -> None:
    while (request := connection.recv()) is not None:
        method, arguments = request
        started = time.perf_counter()
        value = getattr(served, method)(*arguments)
        connection.send(Answer(value=value, seconds=time.perf_counter() - started))

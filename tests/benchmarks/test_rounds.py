"""Child processes, turns and ratios."""

import os
import signal

import pytest

from benchmarks.rounds import (
    Child,
    ChildFailed,
    Children,
    Disagreement,
    check_losses,
    interleaved,
    median_ratio,
)
from runtime.errors import UserError

pytestmark = pytest.mark.quick


class Adder:
    """What lives in the children."""

    def __init__(self, start: int) -> None:
        if start < 0:
            raise UserError("negative", help="give a positive number")
        self.total = start

    def add(self, number: int) -> int:
        self.total += number
        return self.total

    def divide(self, number: int) -> float:
        return self.total / number

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_child_answers_remembers_and_takes_the_time() -> None:
    with Children() as children:
        child = children.start("one", Adder, 3)
        assert child.call("add", 4).value == 7
        answer = child.call("add", 1)
    assert answer.value == 8
    assert 0 <= answer.seconds < 1


def test_what_fails_in_a_child_fails_in_its_parent() -> None:
    with Children() as children:
        child = children.start("one", Adder, 3)
        with pytest.raises(ChildFailed, match=r"(?s)^one:.*ZeroDivisionError"):
            child.call("divide", 0)
        killed = children.start("two", Adder, 3)
        with pytest.raises(ChildFailed, match="two: its process ended with exit code -9"):
            killed.call("die")
        with pytest.raises(UserError, match="negative") as caught:
            children.start("three", Adder, -1)
    assert caught.value.help == "give a positive number"


class Fake(Child):
    """A child without a process."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_each_round_begins_with_another_child() -> None:
    turns: list[tuple[int, str]] = []
    begun: list[int] = []

    def turn(child: Child, number: int) -> float:
        turns.append((number, child.name))
        return float(number)

    speeds = interleaved([Fake("a"), Fake("b")], 3, turn, begun.append, settle=0.0)
    assert turns == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]
    assert speeds == {"a": [0.0, 1.0, 2.0], "b": [0.0, 1.0, 2.0]}
    assert begun == [0, 1, 2]


def test_the_ratio_is_the_median_of_the_rounds_not_the_ratio_of_medians() -> None:
    assert median_ratio([2.0, 30.0, 4.0], [1.0, 10.0, 4.0]) == 2.0


@pytest.mark.parametrize("other", [1.0002, float("nan")])
def test_other_losses_are_refused(other: float) -> None:
    check_losses({"ours": 1.0, "theirs": 1.00005}, 1e-4)
    with pytest.raises(Disagreement, match=r"ours 1\.000000, theirs"):
        check_losses({"ours": 1.0, "theirs": other}, 1e-4)

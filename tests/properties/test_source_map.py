"""A change of a random spec changes only code whose origin names it."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from tests.support.changes import Change, changes, first_valid, map_of
from tests.support.knobs import Tree
from tests.support.source_maps import code_lines, programs, unnamed, without_origin

LEAST = 0.95
"""Share of the lines of code that have one to four settings."""

CLEAN = 0.96
"""Share of the changes that change no statement whose origin does not name them."""


@dataclass(slots=True)
class Tally:
    """What random changes did: how many changed code, and those that changed code unnamed."""

    lines: int = 0
    vague: int = 0
    changes: int = 0
    unnamed: list[tuple[Change, list[str]]] = field(default_factory=list)

    def add(self, tree: Tree, found: list[Change], folder: Path) -> None:
        """Try a random spec and the first of its changes that gives a spec."""
        before = map_of(tree, folder)
        lines = sum(len(code_lines(text)) for text in programs(before).values())
        vague = without_origin(before)
        assert len(vague) <= (1 - LEAST) * lines, vague
        self.lines, self.vague = self.lines + lines, self.vague + len(vague)
        if (tried := first_valid(tree, found, folder)) is None:
            return
        change, after = tried
        self.changes += programs(before) != programs(after)
        if wrong := unnamed(before, after):
            self.unnamed.append((change, wrong))

    def says(self) -> str:
        """Return the figures."""
        return (
            f"{self.vague} of {self.lines} lines without a setting; {len(self.unnamed)} of "
            f"{self.changes} changes change code unnamed:\n"
            + "\n".join(f"{change}: {wrong}" for change, wrong in self.unnamed)
        )


@pytest.mark.quick
def test_a_random_change_moves_only_lines_that_name_it(tmp_path: Path) -> None:
    require_clean(tallied(10, tmp_path))


@pytest.mark.slow
def test_many_random_changes_move_only_lines_that_name_them(tmp_path: Path) -> None:
    found = tallied(320, tmp_path)
    print(found.says())
    require_clean(found)


def require_clean(found: Tally) -> None:
    assert found.changes
    assert len(found.unnamed) <= (1 - CLEAN) * found.changes, found.says()


def tallied(examples: int, folder: Path) -> Tally:
    """Return what changes of so many random specs did."""
    tally = Tally()

    @settings(max_examples=examples, phases=[Phase.generate])
    @given(drawn=changes())
    def every(drawn: tuple[Tree, list[Change]]) -> None:
        tally.add(*drawn, folder)

    every()
    return tally

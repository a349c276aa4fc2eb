"""The text that a vocabulary is learned from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil

from compiler.spec.data import Corpus, LabelledFiles, ParallelFiles
from compiler.spec.spec import Spec
from runtime.data.files import corpus_files, read_rows
from runtime.data.symbols import NAMES
from runtime.errors import UserError

PAIRS = 200_000
"""Pairs that are enough to learn from, at regular distances: more cost memory and time.

A fourth of 640,000 short pairs gave 0.1 % fewer tokens of held-out lines with 8,000 rows, and 0.3 %
more with 32,000.
"""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingText:
    """Some columns of the lines to train on, and the size of the vocabulary to learn from them."""

    corpus: Corpus
    folder: str
    lines_in_all: int
    sides: tuple[int, ...]
    rows: int
    setting: str
    """The key of the spec that `rows` comes from, for messages."""
    symbols: tuple[str, ...] = NAMES
    """The symbols with which the vocabulary starts."""

    def lines(self, *, most: int | None = None) -> Iterator[str]:
        """All lines, or those of `most` rows at regular distances."""
        stride = ceil(self.lines_in_all / most) if most else 1
        for row in islice(read_rows(self.corpus, self.folder), 0, None, stride):
            for side in self.sides:
                yield row[side]

    def most_frequent(self, found: Sequence[str], what: str, report: Report) -> Sequence[str]:
        """Return the first of the tokens found, as many as there are rows beside the symbols.

        Reports how many are too rare to have a row; `what` names them. Raises a UserError if the
        vocabulary has more rows than the text has tokens for.
        """
        symbols = len(self.symbols)
        most, room = len(found) + symbols, self.rows - symbols
        if self.rows > most:
            raise UserError(
                f"{self.setting} is {self.rows:,}, but {self.name} has only {len(found):,} "
                f"different {what}, which make {most:,} rows with the {symbols} symbols",
                help=f"set {self.setting} to {most}",
            )
        if room < len(found):
            report(
                f"{self.setting}: {len(found) - room:,} of {len(found):,} different {what} are too "
                "rare for a row and count as unknown"
            )
        return found[:room]

    @property
    def name(self) -> str:
        """The files of these sides, for messages."""
        files = corpus_files(self.corpus, self.folder)
        is_two = isinstance(self.corpus, ParallelFiles | LabelledFiles)
        if len(self.sides) == 1 and is_two:
            files = files[self.sides[0] :: 2]
        rest = f" and {len(files) - 2} more" if len(files) > 2 else ""
        return ", ".join(map(str, files[:2])) + rest


def training_text(
    spec: Spec,
    *,
    lines: int,
    setting: str = "size",
    sides: tuple[int, ...] = (0,),
    symbols: tuple[str, ...] = NAMES,
) -> TrainingText:
    """For the vocabulary that `model.vocabulary.SETTING` describes; `lines` rows in all."""
    rows: int | None = getattr(spec.model.vocabulary, setting)
    if rows is None:
        raise UserError(f"model.vocabulary.{setting} is missing", help="set it to a number")
    return TrainingText(
        corpus=spec.data.train,
        folder=spec.data.folder,
        lines_in_all=lines,
        sides=sides,
        rows=rows,
        setting=f"model.vocabulary.{setting}",
        symbols=symbols,
    )

"""The command `score`."""

from pathlib import Path
from typing import Annotated

import typer

from compiler.spec.training import BleuTokenizer, Evaluation
from runtime.command.output import print_scores, report


def score(
    hypothesis: Annotated[
        Path, typer.Option("--hypothesis", metavar="FILE", help="Translations, one a line.")
    ],
    references: Annotated[
        list[Path],
        typer.Option("--reference", metavar="FILE", help="References; any number of files."),
    ],
    tokenize: Annotated[
        BleuTokenizer,
        typer.Option("--tokenize", case_sensitive=False, help="How BLEU cuts text into tokens."),
    ] = "13a",
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="Score without regard to case.")
    ] = False,
) -> None:
    """Score translations of any origin by BLEU and chrF (sacreBLEU)."""
    from runtime.data.lines import read_lines
    from runtime.scoring.score import doubts
    from runtime.scoring.score import score as score_lines

    protocol = Evaluation(tokenize=tokenize, lowercase=lowercase)
    hypotheses = list(read_lines(hypothesis))
    first, *further = (list(read_lines(path)) for path in references)
    print_scores(score_lines(hypotheses, first, protocol, further))
    for doubt in doubts(hypotheses, first, protocol):
        report(f"warning: {doubt}")

"""`specformer score`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from runtime.command.output import print_scores


def score(
    hypothesis: Annotated[
        Path, typer.Option("--hypothesis", metavar="FILE", help="Translations, one a line.")
    ],
    reference: Annotated[
        Path, typer.Option("--reference", metavar="FILE", help="What they should be.")
    ],
    tokenize: Annotated[
        Literal["13a", "intl", "char", "none"],
        typer.Option("--tokenize", help="How BLEU cuts text into tokens."),
    ] = "13a",
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="Score without regard to case.")
    ] = False,
) -> None:
    """Score translations of any origin by BLEU and chrF (sacreBLEU)."""
    from compiler.spec.training import Evaluation
    from runtime.data.files import read_lines
    from runtime.scoring.score import score as score_lines

    protocol = Evaluation(tokenize=tokenize, lowercase=lowercase)
    print_scores(score_lines(list(read_lines(hypothesis)), list(read_lines(reference)), protocol))

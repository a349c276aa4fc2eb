"""The commands about text: `corpus` and `score`."""

from pathlib import Path
from typing import Annotated

import typer

from compiler.spec.training import BleuTokenizer, Evaluation
from runtime.command.output import print_scores, report
from runtime.errors import UserError

MOST_PAIRS = 10_000_000


def corpus(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that is not there yet.")
    ],
    train: Annotated[
        int, typer.Option("--train", metavar="N", min=1, max=MOST_PAIRS, help="Pairs to learn.")
    ] = 20_000,
    valid: Annotated[
        int, typer.Option("--valid", metavar="N", min=1, max=MOST_PAIRS, help="Pairs to choose by.")
    ] = 500,
    test: Annotated[
        int, typer.Option("--test", metavar="N", min=1, max=MOST_PAIRS, help="Pairs to score by.")
    ] = 1000,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="S", min=0, max=2**31 - 1, help="Seed of the random pairs."),
    ] = 1,
) -> None:
    """Write the demo corpus: English-German pairs from a grammar, with real difficulties."""
    from runtime.corpus import write_corpus
    from runtime.system.atomic_files import new_folder

    if folder.exists():
        raise UserError(f"{folder} exists already", help="choose another name, or remove it first")
    with new_folder(folder) as unfinished:
        write_corpus(unfinished, train=train, valid=valid, test=test, seed=seed)
    print(
        f"{folder}: {train:,} training, {valid:,} validation and {test:,} test pairs, seed {seed}"
    )


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

"""The translations of a run beside those of a beam search as slow and plain as it can be.

    python -m benchmarks.plain_search RUN --sentences 200

translates the first sentences of a run's test set both ways and counts those that differ.
"""

import argparse
from pathlib import Path

from benchmarks.arguments import positive
from benchmarks.command import finish, say
from benchmarks.rounds import Disagreement
from compiler.spec.decoding import BeamSearch
from runtime.data.symbols import END
from runtime.errors import UserError
from runtime.inference.batch_decoder import longest_translation
from tests.support.plain_search import plain_search

NEAR = 1e-4
"""Scores nearer than this are a tie, which rounding decides."""


def main() -> None:
    """Compares the two searches; ends with 1 where a difference is more than a tie."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plain_search", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--sentences", type=positive, default=200)
    options = parser.parse_args()
    from runtime.inference.load import load_as
    from runtime.inference.translator import Translator
    from runtime.run import Run
    from runtime.scoring.measures import read_scoring_set

    run = Run.open(options.run)
    translator = load_as(Translator, run, device="cpu")
    spec, decoder = run.package.spec, translator.decoder
    lines = read_scoring_set(spec, "test", translator.target_tokenizer).sources
    sources = translator.source_tokenizer.encode_lines(lines[: options.sentences])
    decoding = spec.decoding
    if not isinstance(decoding, BeamSearch):
        raise UserError(f"{options.run} does not decode by beam search", help="give another run")
    same = ties = 0
    for number, (source, (fast,)) in enumerate(zip(sources, decoder.decode(sources), strict=True)):
        limit = longest_translation(spec, len(source))
        (slow,) = plain_search(decoder.model, [*source, END], limit, decoding)
        same += fast.tokens == slow.tokens
        ties += fast.tokens != slow.tokens and abs(fast.score - slow.score) < NEAR
        if number % 20 == 19:
            say(f"  {number + 1} of {len(sources)}")
    print(f"{len(sources)} sentences, beam {decoding.beam}: {same} the same, {ties} ties")
    if same + ties < len(sources):
        raise Disagreement(f"{len(sources) - same - ties} translations differ")


if __name__ == "__main__":
    finish(main)

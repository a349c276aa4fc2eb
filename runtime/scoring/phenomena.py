"""How often a system masters the difficulties that the demo corpus asks for."""

from collections.abc import Sequence

from compiler.spec.spec import Spec
from runtime.corpus import Pair, Score, accuracy, read_phenomena
from runtime.corpus.files import PHENOMENA
from runtime.data.files import corpus_files


def phenomena_scores(spec: Spec, hypotheses: Sequence[str]) -> dict[str, Score]:
    """Right answers for each difficulty of the test set; none for text that names no difficulties.

    A list of another length than the test set is that of other sentences.
    """
    path = corpus_files(spec.data.corpora["test"], spec.data.folder)[0].parent / PHENOMENA
    if not path.is_file():
        return {}
    pairs = [Pair(english="", german="", phenomena=asked) for asked in read_phenomena(path)]
    if len(pairs) != len(hypotheses):
        return {}
    return {str(phenomenon): found for phenomenon, found in accuracy(hypotheses, pairs).items()}

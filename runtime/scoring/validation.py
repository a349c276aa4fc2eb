"""BLEU on the validation set while a network is trained."""

from collections.abc import Callable

from torch import nn

from compiler.spec.spec import Spec
from runtime.data.prepare import Prepared
from runtime.decoding.translator import Translator
from runtime.scoring.score import bleu_metric, score
from runtime.scoring.scoring_set import read_scoring_set


def greedy_bleu(spec: Spec) -> Callable[[nn.Module, Prepared], float]:
    """A function that gives the BLEU of a network's greedy translations of the validation set."""
    greedy = spec.model_copy(update={"decoding": spec.decoding.model_copy(update={"beam": 1})})

    if spec.training.validation.bleu:
        bleu_metric(spec.evaluation)  # raises now, not after the training

    def bleu(model: nn.Module, prepared: Prepared) -> float:
        text = read_scoring_set(spec, "valid", prepared.target)
        translator = Translator(model, prepared.source, prepared.target, greedy)
        hypotheses = translator.translate(text.sources)
        return score(hypotheses, text.references, spec.evaluation, text.further).bleu

    return bleu

"""Fills in the defaults that depend on other settings."""

from compiler.spec.anatomy import ATTENTIONS, METRICS
from compiler.spec.data import Corpus, Data, LabelledColumns, TabSeparated
from compiler.spec.model import Attention, LayerGroup, Norm, Prediction, Stack
from compiler.spec.spec import Spec
from compiler.spec.training import Decoding, Masking


def complete(spec: Spec) -> Spec:
    """The spec with every default resolved: d_k, d_v, final norms, the learning rate's peak,

    and what depends on the task.
    """
    model, training = spec.model, spec.training
    width = model.d_model
    schedule, decoding, evaluation = training.schedule, spec.decoding, spec.evaluation
    peak = schedule.peak or paper_peak(width, schedule.warmup_steps)
    return spec.model_copy(
        update={
            "model": model.model_copy(
                update={
                    "encoder": _stack(model.encoder, width),
                    "decoder": _stack(model.decoder, width),
                    "prediction": _prediction(spec),
                }
            ),
            "data": _data(spec),
            "training": training.model_copy(
                update={
                    "schedule": schedule.model_copy(update={"peak": peak}),
                    "masking": _masking(spec),
                }
            ),
            "decoding": decoding.model_copy(update={"normalization": _normalization(decoding)}),
            "evaluation": evaluation.model_copy(
                update={"metric": evaluation.metric or METRICS[spec.task][0]}
            ),
        }
    )


def paper_peak(d_model: int, warmup_steps: int) -> float:
    """The highest learning rate of section 5.3, equation 3."""
    return float(d_model**-0.5 * warmup_steps**-0.5)


def _normalization(decoding: Decoding) -> str:
    """The default where there is no penalty that could take the one form or the other."""
    return decoding.normalization if decoding.length_penalty else "gnmt"


def _prediction(spec: Spec) -> Prediction | None:
    is_masked = spec.task == "masked_language_model"
    return spec.model.prediction or (Prediction() if is_masked else None)


def _masking(spec: Spec) -> Masking | None:
    is_masked = spec.task == "masked_language_model"
    return spec.training.masking or (Masking() if is_masked else None)


def _data(spec: Spec) -> Data:
    if spec.task != "classification":
        return spec.data
    parts = {part: getattr(spec.data, part) for part in ("train", "valid", "test")}
    return spec.data.model_copy(update={part: _labelled(it) for part, it in parts.items()})


def _labelled(corpus: Corpus) -> Corpus:
    """`{tsv: ...}` alone says nothing about columns: text and label are the first two."""
    if not isinstance(corpus, TabSeparated):
        return corpus
    return LabelledColumns(
        tsv=corpus.tsv, text_column=corpus.source_column, label_column=corpus.target_column
    )


def _stack(stack: Stack | None, width: int) -> Stack | None:
    if stack is None:
        return None
    layers = [_group(each, width) for each in stack.layers]
    return stack.model_copy(update={"norm": _norm(stack.norm), "layers": layers})


def _group(group: LayerGroup, width: int) -> LayerGroup:
    found = {each: getattr(group, each) for each in ATTENTIONS}
    update = {each: _attention(it, width) for each, it in found.items() if it is not None}
    return group.model_copy(update=update)


def _norm(norm: Norm) -> Norm:
    final = norm.place == "pre" if norm.final is None else norm.final
    return norm.model_copy(update={"final": final})


def _attention(attention: Attention, width: int) -> Attention:
    share = width // attention.heads
    return attention.model_copy(
        update={"d_k": attention.d_k or share, "d_v": attention.d_v or share}
    )

"""Fills in the defaults that depend on other settings."""

from compiler.spec.anatomy import ATTENTIONS, METRICS
from compiler.spec.data import Corpus, Data, LabelledColumns, TabSeparated
from compiler.spec.initialization import (
    FairseqInitialization,
    Initialization,
    NormalInitialization,
    ScaledInitialization,
    XavierInitialization,
)
from compiler.spec.mixer import MIXERS
from compiler.spec.model import LayerGroup, Model, Norm, Prediction, Stack
from compiler.spec.optimizer import Optimizer, Sgd
from compiler.spec.schedule import Schedule
from compiler.spec.spec import Spec
from compiler.spec.sub_layer import Attention
from compiler.spec.training import COMPARISONS, Decoding, Masking, Sampling


def complete(spec: Spec) -> Spec:
    """The spec with every default resolved: d_k, d_v, final norms, the learning rate's peak,

    and what depends on the task.
    """
    model, training = spec.model, spec.training
    width = model.d_model
    decoding, evaluation = spec.decoding, spec.evaluation
    return spec.model_copy(
        update={
            "model": model.model_copy(
                update={
                    "encoder": _stack(model.encoder, width, causal=False),
                    "decoder": _stack(model.decoder, width, causal=True),
                    "prediction": _prediction(spec),
                    "initialization": _initialization(model),
                }
            ),
            "data": _data(spec),
            "training": training.model_copy(
                update={
                    "optimizer": _optimizer(training.optimizer),
                    "schedule": _schedule(training.schedule, width),
                    "masking": _masking(spec),
                }
            ),
            "decoding": _decoding(decoding),
            "evaluation": evaluation.model_copy(
                update={"metric": evaluation.metric or METRICS[spec.task][0]}
            ),
        }
    )


def paper_peak(d_model: int, warmup_steps: int) -> float:
    """The highest learning rate of section 5.3, equation 3, whose warm-up has an update or more."""
    return float(d_model**-0.5 * max(warmup_steps, 1) ** -0.5)


def _initialization(model: Model) -> Initialization:
    """Replaces a kind by its equal where no layer has the matrices that it treats apart."""
    groups = [group for _, stack in model.stacks() for group in stack.layers]
    names = {name for group in groups for name in group.sub_layers}
    match model.initialization:
        case FairseqInitialization() if names.isdisjoint(ATTENTIONS):
            return XavierInitialization(kind="xavier")
        case ScaledInitialization(deviation=deviation) if names <= MIXERS.keys():
            if not any(each.has_output for group in groups for each in group.mixers.values()):
                return NormalInitialization(kind="normal", deviation=deviation)
    return model.initialization


def _optimizer(optimizer: Optimizer) -> Optimizer:
    """Without momentum there is none to look ahead by."""
    if isinstance(optimizer, Sgd) and not optimizer.momentum:
        return optimizer.model_copy(update={"nesterov": False})
    return optimizer


def _schedule(schedule: Schedule, width: int) -> Schedule:
    """Its peak; without warm-up there is nothing that could start elsewhere."""
    peak = schedule.peak or paper_peak(width, schedule.warmup_steps)
    start = schedule.start if schedule.warmup_steps else 0.0
    return schedule.model_copy(update={"peak": peak, "start": start})


def _decoding(decoding: Decoding) -> Decoding:
    """Sets the settings of `decoding:` that have no effect to their defaults."""
    sampling, moot = decoding.sampling, list[str]()
    if sampling is not None:
        moot = ["beam", *COMPARISONS]
        if sampling.top_k == 1:
            sampling = Sampling(top_k=1)
    elif decoding.beam == 1:
        moot = [*COMPARISONS]
    elif not decoding.length_penalty:
        moot = ["normalization"]
    defaults = {key: Decoding.model_fields[key].default for key in moot}
    return decoding.model_copy(update={**defaults, "sampling": sampling})


def _prediction(spec: Spec) -> Prediction | None:
    is_masked = spec.task == "masked_language_model"
    return spec.model.prediction or (Prediction() if is_masked else None)


def _masking(spec: Spec) -> Masking | None:
    is_masked = spec.task == "masked_language_model"
    return spec.training.masking or (Masking() if is_masked else None)


def _data(spec: Spec) -> Data:
    if spec.task != "classification":
        return spec.data
    data = spec.data
    return data.model_copy(
        update={
            "train": _labelled(data.train),
            "valid": _labelled(data.valid),
            "test": data.test and _labelled(data.test),
            "tests": data.tests and {name: _labelled(it) for name, it in data.tests.items()},
        }
    )


def _labelled(corpus: Corpus) -> Corpus:
    """`{tsv: ...}` alone says nothing about columns: text and label are the first two."""
    if not isinstance(corpus, TabSeparated):
        return corpus
    return LabelledColumns(
        tsv=corpus.tsv, text_column=corpus.source_column, label_column=corpus.target_column
    )


def _stack(stack: Stack | None, width: int, *, causal: bool) -> Stack | None:
    if stack is None:
        return None
    own = stack.d_model or width
    layers = [_group(each, own, causal=causal) for each in stack.layers]
    return stack.model_copy(update={"norm": _norm(stack.norm), "layers": layers})


def _group(group: LayerGroup, width: int, *, causal: bool) -> LayerGroup:
    found = {each: getattr(group, each) for each in ATTENTIONS}
    update: dict[str, object] = {
        each: _attention(it, width) for each, it in found.items() if it is not None
    }
    for name, mixer in group.mixers.items():
        update[name] = mixer.with_defaults(width, causal=causal)
    return group.model_copy(update=update)


def _norm(norm: Norm) -> Norm:
    """A setting without effect, which only a parent can have written, is left out."""
    if norm.kind == "none":
        return Norm(kind="none")
    place = norm.place or "post"
    final = place in ("pre", "output", "sandwich") if norm.final is None else norm.final
    update = {"place": place, "final": final, "eps": norm.eps or 1e-5, "bias": None, "offset": None}
    update["joint"] = norm.joint is True
    if norm.kind == "layer_norm":
        update["bias"] = norm.bias is not False
    else:
        update["offset"] = norm.offset is True
    return norm.model_copy(update=update)


def _attention(attention: Attention, width: int) -> Attention:
    share, bias = width // attention.heads, attention.output_bias
    return attention.model_copy(
        update={
            "d_k": attention.d_k or share,
            "d_v": attention.d_v or share,
            "kv_heads": attention.kv_heads or attention.heads,
            "output_bias": attention.bias if bias is None else bias,
        }
    )

"""Defaults that depend on other settings or on the task."""

from typing import Any, get_args

from compiler.spec.attention import Attention
from compiler.spec.data import Data
from compiler.spec.given_vocabulary import rows_of_tokenizer
from compiler.spec.initialization import (
    FairseqInitialization,
    Initialization,
    MupInitialization,
    NormalInitialization,
    ScaledInitialization,
    XavierInitialization,
)
from compiler.spec.mixer import MIXERS
from compiler.spec.model import LayerGroup, Model, Norm, Output, Prediction, Stack, Vocabulary
from compiler.spec.paths import width_path
from compiler.spec.position import LayerPosition, RotaryPosition
from compiler.spec.schedule import Schedule
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS, TASKS

_FOLLOWS = {
    "d_k": ("heads",),
    "d_v": ("heads",),
    "kv_heads": ("heads",),
    "output_bias": ("bias",),
    "final": ("place",),
    "peak": ("warmup_steps",),
}
"""The settings, in the same section, that give others their value where nobody wrote it."""
_FOLLOW_WIDTH = ("d_k", "d_v", "d_hidden")
_FOLLOW_TASK = ("block", "mask", "metric")


def follows(spec: Spec, path: str) -> tuple[str, ...]:
    """Return the paths of the settings that a default follows from; none if it is always the same.

    `path` is that of a setting that nobody wrote, in the complete spec.
    """
    section, _, key = path.rpartition(".")
    found = [f"{section}.{each}" for each in _FOLLOWS.get(key, ())]
    if key in _FOLLOW_WIDTH:
        found.append(".".join(map(str, width_path(spec, path.split(".")[1]))))
    has_mup = mup_of(spec.model) is not None
    if path == "training.schedule.peak":
        found.append("model.initialization.base_width" if has_mup else "model.d_model")
    if has_mup and path == "model.output.scale":
        found += ["model.initialization.base_width", "model.d_model"]
    if has_mup and path.endswith("attention.scale"):
        found += [f"{section}.d_k", "model.initialization.kind"]
    if key in _FOLLOW_TASK:
        found.append("task")
    return tuple(found)


def width_taken_by(spec: Spec, path: str) -> tuple[str, ...]:
    """Return the path of the model's width for a section of the model that has no own width."""
    match path:
        case "model.encoder" | "model.decoder":
            is_own = width_path(spec, path.removeprefix("model.")) != ("model", "d_model")
        case "model.embedding":
            is_own = spec.model.embedding.width is not None
        case _:
            return ()
    return () if is_own else ("model.d_model",)


def complete(spec: Spec) -> Spec:
    """Return the spec with every default resolved that depends on other settings or on the task,
    such as d_k, d_v, final norms and the peak of the learning rate.
    """
    model, training = spec.model, spec.training
    width, mup = model.d_model, mup_of(model)
    evaluation = spec.evaluation
    return spec.model_copy(
        update={
            "model": model.model_copy(
                update={
                    "vocabulary": _vocabulary(spec),
                    "encoder": _stack(model.encoder, width, mup, causal=False),
                    "decoder": _stack(model.decoder, width, mup, causal=True),
                    "output": _output(model, mup),
                    "prediction": _prediction(spec),
                    "pooling": _implied(spec, "model", "pooling"),
                    "initialization": _initialization(model),
                }
            ),
            "data": _data(spec),
            "training": training.model_copy(
                update={
                    "optimizer": training.optimizer.without_unused(),
                    "schedule": _schedule(training.schedule, width_of_rate(model)),
                    "masking": _implied(spec, "training", "masking"),
                    "contrast": _implied(spec, "training", "contrast"),
                }
            ),
            "decoding": spec.decoding.without_unused(),
            "evaluation": evaluation.model_copy(
                update={"metric": evaluation.metric or TASKS[spec.task].scores[0]}
            ),
        }
    )


def paper_peak(d_model: int, warmup_steps: int) -> float:
    """The highest learning rate of section 5.3, equation 3, whose warm-up has an update or more."""
    return float(d_model**-0.5 * max(warmup_steps, 1) ** -0.5)


def mup_of(model: Model) -> MupInitialization | None:
    """Return the settings by which what a network starts from and learns by follows its width."""
    found = model.initialization
    return found if isinstance(found, MupInitialization) else None


def width_of_rate(model: Model) -> int:
    """Return the width of the paper's formula of the rate: by default that of the network."""
    mup = mup_of(model)
    return model.d_model if mup is None else mup.base_width


def _output(model: Model, mup: MupInitialization | None) -> Output:
    if mup is None:
        return model.output
    return model.output.model_copy(update={"scale": mup.base_width / model.d_model})


def _vocabulary(spec: Spec) -> Vocabulary:
    """Return the vocabulary with the rows of its tokenizer, where that says how many there are."""
    vocabulary = spec.model.vocabulary
    keys = ("size",) if vocabulary.shared else ("source", "target")
    missing = [key for key in keys if getattr(vocabulary, key) is None]
    rows = rows_of_tokenizer(spec) if missing else None
    return vocabulary.model_copy(update=dict.fromkeys(missing, rows))


def _initialization(model: Model) -> Initialization:
    """Replaces a kind by its equal where no layer has the matrices that it treats apart."""
    groups = [group for _, stack in model.stacks() for group in stack.layers]
    names = {name for group in groups for name in group.sub_layers}
    match model.initialization:
        case FairseqInitialization() if names.isdisjoint(ATTENTIONS):
            return XavierInitialization(kind="xavier")
        case ScaledInitialization(std=std) if names <= MIXERS.keys():
            if not any(each.has_output for group in groups for each in group.mixers.values()):
                return NormalInitialization(kind="normal", std=std)
    return model.initialization


def _schedule(schedule: Schedule, width: int) -> Schedule:
    """Returns a schedule with its peak, without settings that have no effect."""
    peak = schedule.peak or paper_peak(width, schedule.warmup_steps)
    return schedule.model_copy(update={"peak": peak}).without_unused()


def _implied(spec: Spec, part: str, key: str) -> Any:
    """Returns a section of a part of the spec, with its defaults if the task implies it."""
    holder = getattr(spec, part)
    written = getattr(holder, key)
    if written is not None or (part, key) not in TASKS[spec.task].implied:
        return written
    section, *_ = get_args(type(holder).model_fields[key].annotation)
    return section()


def _prediction(spec: Spec) -> Prediction | None:
    """Return the head of a masked language model, without settings that have no effect."""
    found: Prediction | None = _implied(spec, "model", "prediction")
    return found and found.without_unused()


def _data(spec: Spec) -> Data:
    """Returns the texts in the forms that the task takes them for."""
    data, adapt = spec.data, TASKS[spec.task].adapt
    return data.model_copy(
        update={
            "train": adapt(data.train),
            "valid": adapt(data.valid),
            "test": data.test and adapt(data.test),
            "tests": data.tests and {name: adapt(each) for name, each in data.tests.items()},
        }
    )


def _stack(
    stack: Stack | None, width: int, mup: MupInitialization | None, *, causal: bool
) -> Stack | None:
    if stack is None:
        return None
    own = stack.d_model or width
    layers = [_group(each, own, mup, causal=causal) for each in stack.layers]
    return stack.model_copy(update={"norm": _norm(stack.norm), "layers": layers})


def _group(
    group: LayerGroup, width: int, mup: MupInitialization | None, *, causal: bool
) -> LayerGroup:
    found = {each: getattr(group, each) for each in ATTENTIONS}
    update: dict[str, object] = {
        each: _scaled(_attention(it, width, each, group.position), mup)
        for each, it in found.items()
        if it is not None
    }
    for name, mixer in group.mixers.items():
        update[name] = mixer.with_defaults(width, causal=causal)
    if group.feed_forward is not None:
        update["feed_forward"] = group.feed_forward.without_unused()
    return group.model_copy(update=update)


def _norm(norm: Norm) -> Norm:
    """A setting without effect, which only a parent can have written, is left out."""
    if norm.kind == "none":
        return Norm(kind="none")
    place = norm.place or "post"
    final = place in ("pre", "output", "sandwich") if norm.final is None else norm.final
    update: dict[str, object] = {
        "place": place,
        "final": final,
        "eps": norm.eps or 1e-5,
        "bias": None,
        "offset": None,
    }
    is_bare = norm.first is False and place in ("pre", "sandwich")
    update |= {"joint": norm.joint is True, "first": False if is_bare else None}
    if norm.kind == "layer_norm":
        update["bias"] = norm.bias is not False
    else:
        update["offset"] = norm.offset is True
    return norm.model_copy(update=update)


def _scaled(attention: Attention, mup: MupInitialization | None) -> Attention:
    """Return an attention whose scores have the factor that goes with its initialisation."""
    if mup is None or attention.d_k is None:
        return attention
    return attention.model_copy(update={"scale": mup.scale_of_scores(attention.d_k)})


def _attention(
    attention: Attention, width: int, place: str, position: LayerPosition | None
) -> Attention:
    share, bias = width // attention.heads, attention.output_bias
    norm, is_self = attention.query_key_norm, place == "self_attention"
    if norm is not None and not (is_self and isinstance(position, RotaryPosition)):
        norm = norm.model_copy(update={"place": "before_rotation"})
    return attention.model_copy(
        update={
            "d_k": attention.width_of_query(width),
            "d_v": attention.d_v or share,
            "kv_heads": attention.kv_heads or attention.heads,
            "output_bias": attention.bias if bias is None else bias,
            "query_key_norm": norm,
            "temperature": attention.temperature if is_self else None,
            "value_embedding": attention.value_embedding and is_self,
        }
    )

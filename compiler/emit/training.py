"""`training.py`: the recipe."""

from collections.abc import Callable, Iterator

from compiler.emit.helpers import helpers_of
from compiler.emit.imports import NETWORK, import_lines
from compiler.emit.layout import docstring, lay
from compiler.emit.marks import marker
from compiler.emit.matrices import (
    TABLE,
    hidden_matrices,
    list_text,
    names_of_hidden_matrices,
    table_text,
)
from compiler.emit.schedule import Rate, rate, rate_by_time, schedule_constants
from compiler.emit.template import fill
from compiler.ir.block import Block, Repeat, walk
from compiler.ir.causes import Paths
from compiler.ir.verify import CompilerBug
from compiler.ops.expression import Binary, Call, Const, Expression, Name, call, method, parts
from compiler.ops.op import Op
from compiler.spec.defaults import mup_of, paper_peak, width_of_rate
from compiler.spec.optimizer import OptimizerKind
from compiler.spec.schedule import Decay, Schedule
from compiler.spec.spec import Spec
from compiler.spec.training import Training

LOSS, OPTIMIZER = "training.label_smoothing", "training.optimizer"


def training_text(spec: Spec, model: Block) -> str:
    """Return the file: constants, the learning rate, the optimizer, the loss."""
    training, after_warmup = spec.training, _rate(spec.training)
    optimizer, width = training.optimizer, _width_of_peak(spec)
    if optimizer.decay:
        _require_that_matrices_decay(model)
    peak = f"{width}**-0.5 * WARMUP_STEPS**-0.5" if width else repr(training.schedule.peak)
    mup = mup_of(spec.model)
    made, loss = _optimizer(optimizer, by_width=mup is not None), _loss(training)
    helpers = helpers_of([made] if training.contrast else [made, loss])
    growing = {"math"} if training.batch_warmup else set()
    contrasting = {"torch.nn.functional as F"} if training.contrast else set()
    of = marker(model.origin)
    head = f"{spec.name}: the loss, the learning rate and the optimizer. Written by specformer."
    return fill(
        "training.py.jinja",
        docstring=_docstring(head, 0),
        imports=import_lines(
            NETWORK | helpers.imports | contrasting | growing | {"torch", *after_warmup.imports}
        ),
        of_model=sorted({width, *(("BASE_WIDTH", "D_MODEL") if mup else ())} - {""}),
        smoothing=training.label_smoothing,
        z_loss=training.z_loss,
        batch_warmup=training.batch_warmup,
        context_warmup=training.context_warmup,
        max_length=spec.data.max_length,
        accumulate=training.accumulate,
        contrast=training.contrast,
        normalized=bool(spec.model.pooling and spec.model.pooling.normalize),
        constants=schedule_constants(
            training.schedule, training.steps, peak, is_by_time=training.is_scheduled_by_time
        )
        | _constants(optimizer),
        matrices=_matrices(spec, model),
        settings=_settings(training),
        of=of,
        epochs=_unknown_length(training),
        **_rate_values(training.schedule, after_warmup),
        about_optimizer=_docstring(_about_optimizer(optimizer, by_width=mup is not None), 1),
        optimizer=_returned(made),
        loss=_loss_text(loss, training.z_loss),
        helpers=helpers.marked(_causes_of_helpers(made, loss, of)).values(),
    )


def _rate(training: Training) -> Rate:
    schedule = training.schedule
    if training.is_scheduled_by_time and isinstance(schedule, Decay):
        return rate_by_time(schedule)
    return rate(schedule)


def _matrices(spec: Spec, model: Block) -> str:
    """Return the names of hidden matrices as code, where these are trained in a way of their own.

    Muon asks for the rows of those that are in one, too.
    """
    if mup_of(spec.model) is not None:
        return list_text(names_of_hidden_matrices(model), "model.initialization.kind")
    if spec.training.optimizer.TELLS_MATRICES_APART and (matrices := hidden_matrices(model)):
        return table_text(matrices, f"{OPTIMIZER}.kind")
    return ""


def _about_optimizer(settings: OptimizerKind, *, by_width: bool) -> str:
    """Return what the code says of the optimizer, and of groups that have rates of their own."""
    if not by_width:
        return settings.title
    update = "sets the rate of each update"
    return settings.title.replace(update, f"{update}, times the `rate` of a group")


def _optimizer(settings: OptimizerKind, *, by_width: bool) -> Call:
    """The call of the constructor, whose settings are constants under their names."""
    model = Name("model")
    decay = Name("WEIGHT_DECAY") if settings.decay else Const(0.0)
    keywords: dict[str, Expression] = {
        name: Name(value.upper()) if isinstance(value, str) else Const(value)
        for name, value in settings.arguments().items()
    }
    if settings.TELLS_MATRICES_APART:
        parameters = call("matrix_groups", model, Name(TABLE), decay)
    elif by_width:
        ratio = Binary(Name("BASE_WIDTH"), "/", Name("D_MODEL"))
        parameters = call("width_groups", model, Name(TABLE), ratio, decay)
    elif settings.decay:
        parameters = call("decay_groups", model, decay)
    else:
        parameters = method(model, "parameters")
    return call(settings.CONSTRUCTOR, parameters, lr=Name("PEAK"), **keywords)


def _constants(settings: OptimizerKind) -> dict[str, str]:
    """The settings that the constructor gets, as code, under their names."""
    names = [each for each in settings.arguments().values() if isinstance(each, str)]
    values = {
        each: getattr(settings, each) for each in [*names, *["weight_decay"][: settings.decay > 0]]
    }
    return {
        name.upper(): repr(tuple(value) if isinstance(value, list) else value)
        for name, value in values.items()
    }


def _settings(training: Training) -> dict[str, tuple[str, str]]:
    """Return the setting of each constant, and the one whose kinds have such a setting."""
    schedule, optimizer = training.schedule, training.optimizer
    steps = "training.steps" if training.epochs is None else "training.epochs"
    found = {key: f"training.schedule.{key}" for key in type(schedule).model_fields}
    found |= {"steps": steps, "steps: int | none": steps}
    of_schedule = {key: (path, "training.schedule.kind") for key, path in found.items()}
    of_optimizer = {
        key: (f"{OPTIMIZER}.{key}", f"{OPTIMIZER}.kind") for key in type(optimizer).model_fields
    }
    return of_schedule | of_optimizer


def _causes_of_helpers(
    made: Expression, loss: Expression, of: Callable[..., str]
) -> dict[str, Paths]:
    """Return the settings that functions of the optimizer and of the loss come from."""
    if not of("training"):
        return {}
    of_optimizer = _called(made, OPTIMIZER, "model.initialization.kind")
    return dict(_called(loss, LOSS)) | dict(of_optimizer)


def _called(code: Expression, *settings: str) -> Iterator[tuple[str, Paths]]:
    for each in parts(code):
        if isinstance(each, Name):
            yield each.text, settings


def _loss(training: Training) -> Call:
    """The loss of logits in whole precision, and the plain one, without the term of the z-loss."""
    logits = Name("logits") if training.z_loss else method(Name("logits"), "float")
    inputs = logits, Name("labels")
    if training.label_smoothing:
        return call("smoothed_cross_entropy", *inputs, Name("LABEL_SMOOTHING"))
    return call("cross_entropy", *inputs)


def _loss_text(loss: Call, z_loss: float) -> str:
    if not z_loss:
        return _returned(loss)
    lines = [
        "    logits = logits.float()",
        *lay("entropy, plain = ", loss, lambda each: each.name, 1),
        "    return entropy + Z_LOSS * logits.logsumexp(dim=1).square().sum(), plain",
    ]
    return "\n".join(lines)


def _returned(expression: Expression) -> str:
    return "\n".join(lay("return ", expression, lambda each: each.name, 1))


def _unknown_length(training: Training) -> int | None:
    """The epochs of a schedule that ends with the training, while `steps` is unknown; else None."""
    is_unknown = (
        training.epochs is not None
        and training.steps is None
        and isinstance(training.schedule, Decay)
    )
    return training.epochs if is_unknown else None


def _rate_values(schedule: Schedule, after_warmup: Rate) -> dict[str, object]:
    *steps, result = after_warmup.code
    return {
        "about_rate": _docstring(_about(schedule, after_warmup), 1),
        "step": "step" if after_warmup.needs_step else "_step",
        "needs_share": after_warmup.needs_share,
        "warmup_steps": 0 if after_warmup.needs_share else schedule.warmup_steps,
        "start": schedule.start,
        "rate_steps": steps,
        "rate": result,
    }


def _width_of_peak(spec: Spec) -> str:
    """The width in the paper's formula, where the peak is the one that the formula gives.

    It is the model's own width (section 5.3, equation 3): the decoder's, or the encoder's.
    """
    schedule = spec.training.schedule
    own = paper_peak(width_of_rate(spec.model), schedule.warmup_steps)
    if not schedule.warmup_steps or schedule.peak != own:
        return ""
    if mup_of(spec.model) is not None:
        return "BASE_WIDTH"
    last = list(dict(spec.model.stacks()))[-1]
    return "D_MODEL" if spec.model.width(last) == spec.model.d_model else "ENCODER_D_MODEL"


def _about(schedule: Schedule, after_warmup: Rate) -> str:
    """The rate in words."""
    if not after_warmup.needs_step and not after_warmup.needs_share:
        return "The rate of every update."
    rise = "linear to PEAK, then " if schedule.warmup_steps else ""
    return f"The rate of update `step`, from 1 on: {rise}{after_warmup.phrase}."


def _docstring(sentence: str, depth: int) -> str:
    return "\n".join(docstring([sentence], depth))


def _require_that_matrices_decay(model: Block) -> None:
    """The code tells by dimensions what the IR says of each parameter."""
    for path, block in walk(model):
        for name, part in block.parts:
            if not isinstance(part, Block | Repeat):
                _require(part, f"{path}.{name}")


def _require(op: Op, place: str) -> None:
    for each in op.parameters():
        if each.decays != (len(each.shape) > 1):
            raise CompilerBug(
                f"compiler bug in emit, please report: {place}.{each.name} has "
                f"{len(each.shape)} dimensions, and decays: {each.decays}"
            )

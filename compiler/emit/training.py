"""`training.py`: the recipe."""

from compiler.emit.layout import docstring, lay
from compiler.emit.optimizer import OptimizerCode, optimizer_code
from compiler.emit.schedule import Rate, rate, schedule_constants
from compiler.emit.template import fill
from compiler.ir.block import Block, Repeat, walk
from compiler.ir.verify import CompilerBug
from compiler.ops.op import Op
from compiler.spec.defaults import paper_peak
from compiler.spec.schedule import Decay, Schedule
from compiler.spec.spec import Spec
from compiler.spec.training import Training


def training_text(spec: Spec, model: Block) -> str:
    """The file: constants, the learning rate, the optimizer, the loss."""
    training, peak = spec.training, _peak(spec)
    optimizer = optimizer_code(training.optimizer)
    if optimizer.decays:
        _require_that_matrices_decay(model)
    head = f"{spec.name}: the loss, the learning rate and the optimizer. Written by specformer."
    return fill(
        "training.py.jinja",
        docstring=_docstring(head, 0),
        smoothing=training.label_smoothing,
        width=_width(spec) if "D_MODEL" in peak else "",
        constants=schedule_constants(training.schedule, training.steps, peak) | optimizer.constants,
        epochs=_unknown_length(training),
        **_rate_values(training.schedule),
        **_optimizer_values(optimizer),
    )


def _unknown_length(training: Training) -> int | None:
    """The epochs of a schedule that ends with the training, while `steps` is unknown; else None."""
    is_unknown = training.steps is None and isinstance(training.schedule, Decay)
    return training.epochs if is_unknown else None


def _rate_values(schedule: Schedule) -> dict[str, object]:
    after_warmup = rate(schedule)
    *steps, result = after_warmup.code
    return {
        "needs_math": "math." in result,
        "about_rate": _docstring(_about(schedule, after_warmup), 1),
        "step": "step" if after_warmup.needs_step else "_step",
        "warmup_steps": schedule.warmup_steps,
        "start": schedule.start,
        "rate_steps": steps,
        "rate": result,
    }


def _optimizer_values(optimizer: OptimizerCode) -> dict[str, object]:
    return {
        "annotation": optimizer.annotation,
        "about_optimizer": _docstring(optimizer.title, 1),
        "make_optimizer": "\n".join(lay("return ", optimizer.make, lambda each: each.name, 1)),
        "decays": optimizer.decays,
    }


def _peak(spec: Spec) -> str:
    """The paper's formula where the peak is the one that it gives (section 5.3, equation 3)."""
    schedule = spec.training.schedule
    if schedule.warmup_steps and schedule.peak == paper_peak(
        spec.model.d_model, schedule.warmup_steps
    ):
        return f"{_width(spec)}**-0.5 * WARMUP_STEPS**-0.5"
    return repr(schedule.peak)


def _width(spec: Spec) -> str:
    """The constant that is the model's own width: that of the decoder, or of the encoder."""
    last = list(dict(spec.model.stacks()))[-1]
    return "D_MODEL" if spec.model.width(last) == spec.model.d_model else "ENCODER_D_MODEL"


def _about(schedule: Schedule, after_warmup: Rate) -> str:
    """The rate in words."""
    if not after_warmup.needs_step:
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

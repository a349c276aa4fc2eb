"""`training.py`: the recipe."""

from compiler.emit.fill import fill
from compiler.emit.layout import docstring, lay
from compiler.emit.optimizer import optimizer_code
from compiler.emit.schedule import Rate, rate, schedule_constants
from compiler.ir.block import Block, Repeat, walk
from compiler.ir.verify import CompilerBug
from compiler.spec.complete import paper_peak
from compiler.spec.schedule import Schedule
from compiler.spec.spec import Spec


def training_text(spec: Spec, model: Block) -> str:
    """The file: constants, the learning rate, the optimizer, the loss."""
    training, schedule = spec.training, spec.training.schedule
    optimizer, after_warmup = optimizer_code(training.optimizer), rate(schedule)
    if optimizer.decays:
        _require_that_matrices_decay(model)
    peak = _peak(spec)
    head = f"{spec.name}: the loss, the learning rate and the optimizer. Written by specformer."
    *steps, result = after_warmup.code
    return fill(
        "training.py.jinja",
        docstring=_docstring(head, 0),
        smoothing=training.label_smoothing,
        needs_math="math." in result,
        needs_width="D_MODEL" in peak,
        constants={
            **schedule_constants(schedule, training.steps, peak),
            **optimizer.constants,
        },
        about_rate=_docstring(_about(schedule, after_warmup), 1),
        step="step" if after_warmup.needs_step else "_step",
        warmup_steps=schedule.warmup_steps,
        start=schedule.start,
        rate_steps=steps,
        rate=result,
        annotation=optimizer.annotation,
        about_optimizer=_docstring(optimizer.title, 1),
        make_optimizer="\n".join(lay("return ", optimizer.make, lambda each: each.name, 1)),
        decays=optimizer.decays,
    )


def _peak(spec: Spec) -> str:
    """The paper's formula where the peak is the one that it gives (section 5.3, equation 3)."""
    schedule = spec.training.schedule
    if schedule.warmup_steps and schedule.peak == paper_peak(
        spec.model.d_model, schedule.warmup_steps
    ):
        return "D_MODEL**-0.5 * WARMUP_STEPS**-0.5"
    return repr(schedule.peak)


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
            for each in () if isinstance(part, Block | Repeat) else part.parameters():
                if each.decays != (len(each.shape) > 1):
                    raise CompilerBug(
                        f"compiler bug in emit, please report: {path}.{name}.{each.name} has "
                        f"{len(each.shape)} dimensions, and decays: {each.decays}"
                    )

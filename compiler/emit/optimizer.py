"""An optimizer as the function `optimizer` of `training.py`."""

from dataclasses import dataclass
from typing import assert_never

from compiler.ops.expression import Call, Const, Expression, Name, call, method
from compiler.spec.optimizer import Adafactor, Adam, AdamW, Optimizer, Sgd


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerCode:
    """What `training.py` says of an optimizer: in words, its numbers, and how it is made.

    Where `decays`, weights decay by groups.
    """

    title: str
    constants: dict[str, str]
    make: Call
    decays: bool = False

    @property
    def annotation(self) -> str:
        """The class of torch."""
        assert isinstance(self.make.function, Name)
        return self.make.function.text


def optimizer_code(settings: Optimizer) -> OptimizerCode:
    """The optimizer of a kind; whoever trains sets its rate."""
    match settings:
        case Adam():
            return _adam(settings)
        case AdamW():
            return _adamw(settings)
        case Sgd():
            return _sgd(settings)
        case Adafactor():
            return _adafactor(settings)
        case _:
            assert_never(settings)


def _adam(settings: Adam) -> OptimizerCode:
    return OptimizerCode(
        title="Adam over all parameters; whoever trains sets the rate of each update "
        "(section 5.3).",
        constants={"BETAS": repr(tuple(settings.betas)), "EPS": repr(settings.eps)},
        make=_make("Adam", {**_names("betas", "eps"), "fused": Const(True)}),
    )


def _adamw(settings: AdamW) -> OptimizerCode:
    decay = settings.weight_decay
    # Where none is given, torch has a decay of its own.
    none = {} if decay else {"weight_decay": Const(0.0)}
    return OptimizerCode(
        title="AdamW (Loshchilov and Hutter 2019); whoever trains sets the rate of each update.",
        constants={
            "BETAS": repr(tuple(settings.betas)),
            "EPS": repr(settings.eps),
            **_decay(decay),
        },
        make=_make("AdamW", {**_names("betas", "eps"), **none, "fused": Const(True)}, decay),
        decays=decay > 0,
    )


def _sgd(settings: Sgd) -> OptimizerCode:
    keywords = _names("momentum") if settings.momentum else {}
    if settings.nesterov:
        keywords["nesterov"] = Const(True)
    kind = " with Nesterov's momentum" if settings.nesterov else " with momentum"
    return OptimizerCode(
        title=f"Stochastic gradient descent{kind if settings.momentum else ''}; whoever trains "
        "sets the rate of each update.",
        constants={"MOMENTUM": repr(settings.momentum)} if settings.momentum else {},
        make=_make("SGD", {**keywords, "fused": Const(True)}),
    )


def _adafactor(settings: Adafactor) -> OptimizerCode:
    decay = settings.weight_decay
    keywords = {**_names("beta2_decay", "eps"), "d": Name("CLIP_THRESHOLD")}
    return OptimizerCode(
        title="Adafactor (Shazeer and Stern 2018); whoever trains sets the rate of each update, "
        "which is relative to the size of a tensor, and at most step^-0.5.",
        constants={
            "BETA2_DECAY": repr(settings.beta2_decay),
            "EPS": repr(tuple(settings.eps)),
            "CLIP_THRESHOLD": repr(settings.clip_threshold),
            **_decay(decay),
        },
        make=_make("Adafactor", keywords, decay),
        decays=decay > 0,
    )


def _make(name: str, keywords: dict[str, Expression], decay: float = 0.0) -> Call:
    groups = call("decay_groups", Name("model")) if decay else method(Name("model"), "parameters")
    return call(f"torch.optim.{name}", groups, lr=Name("PEAK"), **keywords)


def _decay(weight_decay: float) -> dict[str, str]:
    return {"WEIGHT_DECAY": repr(weight_decay)} if weight_decay else {}


def _names(*settings: str) -> dict[str, Expression]:
    """Keywords of torch that are called as the settings are."""
    return {each: Name(each.upper()) for each in settings}

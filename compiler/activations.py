"""The non-linearities that specs may name: a new one is an entry of the table.

A function that torch lacks is a helper, a template of its own in `emit/templates/helpers/`.
"""

from dataclasses import dataclass
from math import expm1, log
from typing import TYPE_CHECKING, Literal


@dataclass(frozen=True, slots=True)
class Nonlinearity:
    """An activation: `function(x, **arguments)`, and of that the method `then` if it is named.

    `words` stand in docstrings; `gated` is the name of a feed-forward network gated by it. Where
    `keeps_result`, its gradient is computed from its result, not from its input. One that `learns`
    is a module: the function makes it, and these are its numbers with what they start from. The
    backward pass keeps `saved` numbers for each.
    """

    words: str
    function: str
    arguments: tuple[tuple[str, str], ...] = ()
    then: str = ""
    gated: str = ""
    keeps_result: bool = False
    learns: tuple[tuple[str, float], ...] = ()
    saved: int = 1


ACTIVATIONS = {
    "relu": Nonlinearity("a ReLU", "F.relu", gated="ReGLU", keeps_result=True),
    "gelu": Nonlinearity("a GELU", "F.gelu", gated="GEGLU"),
    "gelu_tanh": Nonlinearity("a GELU by its tanh formula", "F.gelu", (("approximate", "tanh"),)),
    "quick_gelu": Nonlinearity("a GELU by a sigmoid", "quick_gelu", saved=2),
    "silu": Nonlinearity("a SiLU", "F.silu", gated="SwiGLU"),
    "sigmoid": Nonlinearity("a sigmoid", "torch.sigmoid", gated="GLU", keeps_result=True),
    "relu_squared": Nonlinearity("a squared ReLU", "F.relu", then="square"),
    "xielu": Nonlinearity(
        *("an xIELU", "XIELU"),
        learns=(("alpha_p", log(expm1(0.8))), ("alpha_n", log(expm1(0.3)))),
        saved=4,
    ),
    "tanh": Nonlinearity("a tanh", "torch.tanh", keeps_result=True),
}
"""The non-linearities by the names that specs have for them."""

if TYPE_CHECKING:
    ActivationName = str
else:
    ActivationName = Literal[tuple(ACTIVATIONS)]

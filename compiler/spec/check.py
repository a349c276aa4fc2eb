"""Settings that are each right but do not go together."""

from collections.abc import Callable, Iterator

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Node
from compiler.spec.mask_checks import MASK_CHECKS
from compiler.spec.mixer_checks import MIXER_CHECKS
from compiler.spec.model_checks import MODEL_CHECKS
from compiler.spec.position_checks import POSITION_CHECKS
from compiler.spec.recipe_checks import RECIPE_CHECKS
from compiler.spec.spec import Spec

Check = Callable[[Spec, Node], Iterator[Diagnostic]]
CHECKS: tuple[Check, ...] = (
    *MODEL_CHECKS,
    *MIXER_CHECKS,
    *POSITION_CHECKS,
    *MASK_CHECKS,
    *RECIPE_CHECKS,
)


def check(spec: Spec, root: Node) -> list[Diagnostic]:
    """All that is wrong with the meaning of a spec, with places in its tree."""
    return [diagnostic for each in CHECKS for diagnostic in each(spec, root)]

"""The formats that a spec may be exported to."""

from compiler.export.ctranslate2 import CTRANSLATE2
from compiler.export.huggingface.table import HUGGINGFACE_NATIVE
from compiler.export.huggingface_remote import HUGGINGFACE_REMOTE
from compiler.export.programs import ONNX, TORCH
from compiler.export.target import Target, refusals
from compiler.source.diagnostic import Rejected
from compiler.spec.load import Loaded

TARGETS: dict[str, Target] = {
    each.name: each for each in (HUGGINGFACE_NATIVE, HUGGINGFACE_REMOTE, CTRANSLATE2, ONNX, TORCH)
}
"""The tables of formats, by their names."""


def require_sayable(target: Target, loaded: Loaded) -> None:
    """Raise `Rejected` with all settings that a format does not support, each at its line.

    The help names the formats that support all of the spec.
    """
    if not refusals(target, loaded):
        return
    others = [f"`{each.option}`" for each in able(loaded)]
    help = f"{' or '.join(others)} supports it" if others else "no other format supports this spec"
    raise Rejected(refusals(target, loaded, help))


def able(loaded: Loaded) -> list[Target]:
    """Return the formats that support all of a spec."""
    return [each for each in TARGETS.values() if not refusals(each, loaded)]

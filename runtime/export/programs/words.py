"""Words on what graphs say otherwise than the network that they are made of."""

from compiler.export.report import report_on
from compiler.export.targets import TARGETS
from runtime.export.source import Exportable


def otherwise(exportable: Exportable, form: str) -> tuple[str, ...]:
    """Return the settings that graphs of a format say in another way, a line for each way."""
    target = TARGETS[form]
    return tuple(report_on(exportable.loaded, [target]).otherwise(target))

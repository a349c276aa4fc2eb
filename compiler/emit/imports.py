"""The imports of a generated file, from the names that its parts declare to need."""

from collections import defaultdict
from collections.abc import Iterable
from sys import stdlib_module_names

from compiler.ops.expression import Expression, Name

NETWORK = frozenset({"torch.Tensor", "torch.nn"})
"""The imports that every `model.py` needs, for its annotations and classes."""
TORCH = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional as F"}
"""The modules of torch under their names in the code."""


def modules_of(pieces: Iterable[Expression]) -> set[str]:
    """Return the imports of the modules whose functions are named, as in `math.sqrt`.

    `pieces` are expressions with all that is in them.
    """
    dotted = (each.text for each in pieces if isinstance(each, Name) and "." in each.text)
    heads = {each.partition(".")[0] for each in dotted}
    return heads & stdlib_module_names | {TORCH[each] for each in heads & TORCH.keys()}


def import_lines(names: Iterable[str]) -> str:
    """Return the lines that import modules, `math`, and names in modules, `typing.Any`.

    Those of torch come after those of the standard library.
    """
    modules, members = set[str](), defaultdict[str, set[str]](set)
    for each in names:
        module, _, name = each.rpartition(".")
        if module and " as " not in each:
            members[module].add(name)
        else:
            modules.add(each)
    lines = [f"import {each}" for each in sorted(modules)]
    lines += [
        f"from {each} import {', '.join(as_imported(members[each]))}" for each in sorted(members)
    ]
    ours = [each for each in lines if each.split()[1].startswith("torch")]
    standard = [each for each in lines if each not in ours]
    return "\n".join([*standard, *[""][: len(standard)], *ours])


def as_imported(names: Iterable[str]) -> list[str]:
    """Return each name once, in the order that linters want: constants, classes, functions."""
    return sorted(set(names), key=lambda name: (not name.isupper(), name.islower(), name.lower()))

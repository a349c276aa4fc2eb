"""The imports of a generated file, from the names that its parts declare to need."""

from collections import defaultdict
from collections.abc import Iterable

TORCH = frozenset({"torch", "torch.Tensor", "torch.nn"})
"""What every file with a network imports."""
FUNCTIONAL = "torch.nn.functional as F"


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

"""A tree of nodes to a `Spec`, or diagnostics at the nodes that are wrong."""

from collections import defaultdict
from itertools import islice

from pydantic import BaseModel, Discriminator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Rejected
from compiler.source.node import Mapping, Path, to_python
from compiler.spec.fields import has_names, marks_of, members
from compiler.spec.spec import Spec

MOST = 100
"""Mistakes of one file that are told at once: the others come when these are mended."""


def validate(root: Mapping, written: Mapping | None = None) -> Spec:
    """The spec; raises `Rejected` with every key and value that is wrong.

    `written` is the tree before inheritance: messages say what is to be written there.
    """
    try:
        return Spec.model_validate(to_python(root))
    except ValidationError as error:
        from compiler.spec.complaint import Complaints  # imported late: only errors need it

        at = _by_place(error.errors(include_url=False, include_input=False))
        if ("task",) in at:
            at = {path: found for path, found in at.items() if path[0] not in ("model", "data")}
        told = dict(islice(at.items(), MOST))
        raise Rejected(Complaints(root, written or root, told).diagnostics()) from None


def _by_place(errors: list[ErrorDetails]) -> dict[Path, list[ErrorDetails]]:
    """The errors of each place. Where one arm of a union got deeper, the author meant that arm."""
    at: defaultdict[Path, list[ErrorDetails]] = defaultdict(list)
    for each in errors:
        at[_real_path(each["loc"])].append(each)
    above = {path[:length] for path in at for length in range(len(path))}
    return {path: found for path, found in at.items() if path not in above}


def _real_path(location: Path) -> Path:
    """The keys of a location without the tags of unions."""
    section: type[BaseModel] = Spec
    path: list[str | int] = []
    steps = list(location)
    while steps:
        path.append(steps.pop(0))
        field = section.model_fields.get(str(path[-1]))
        if field is None or not steps:
            break
        forms = members(field)
        if not forms:
            path += [step for step in steps if isinstance(step, int)]
            break
        if isinstance(steps[0], int) or has_names(field):
            path.append(steps.pop(0))
        if not steps:
            break
        tag = str(steps.pop(0)) if _is_tagged(field) else next(iter(forms))
        section = forms.get(tag, section)  # not every form need be a section
        if steps and isinstance(steps[0], int):
            path.append(steps.pop(0))
    return tuple(path)


def _is_tagged(field: FieldInfo) -> bool:
    marks = (field.discriminator, *field.metadata, *marks_of(field.annotation))
    return any(isinstance(each, str | Discriminator) for each in marks)

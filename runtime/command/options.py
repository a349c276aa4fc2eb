"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from compiler.spec.training import Decoding
from runtime.errors import UserError

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Beam = Annotated[
    int | None,
    typer.Option("--beam", metavar="N", min=1, help="Hypotheses a sentence; 1 is greedy search."),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="NAME", help="cpu, cuda or cuda:1; by default the GPU if any."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def changed_decoding(decoding: Decoding, beam: int | None, assignments: Sequence[str]) -> Decoding:
    """The settings after `--beam` and `--set decoding.key=value`, the last word for the latter.

    Raises a UserError for a key that decoding does not have or a value that it cannot take.
    """
    changes: dict[str, object] = {} if beam is None else {"beam": beam}
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        section, _, key = path.strip().partition(".")
        if not equals or section != "decoding" or key not in Decoding.model_fields:
            raise UserError(
                f"--set {assignment}: expected decoding.KEY=VALUE",
                help="KEY is one of " + ", ".join(Decoding.model_fields),
            )
        changes[key] = None if value.strip() in ("null", "~") else value.strip()
    try:
        return Decoding.model_validate(decoding.model_dump() | changes, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"decoding.{first['loc'][0]} = {first['input']}: {first['msg']}") from error


def check_device(name: str | None) -> str | None:
    """The name of a device that is there. Raises a UserError for any other."""
    import torch

    if name is None:
        return None
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--device {name}: {reason}", help="`--device cpu` is always there"
        ) from error
    return name

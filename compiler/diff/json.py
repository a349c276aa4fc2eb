"""A difference as JSON: the data itself, in the order of the classes."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from compiler.diff.difference import Difference


def as_json(difference: Difference, more: Mapping[str, object] | None = None) -> str:
    """One object, with `more` beside what is always there.

    What only the search for causes needs is left out.
    """
    data = asdict(difference)
    for change in data["changes"]:
        del change["taken"]
    whole = {"equal": difference.is_equal, **data, **(more or {})}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"

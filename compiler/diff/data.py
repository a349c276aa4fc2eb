"""A difference as JSON: the data itself, in the order of the classes."""

import json
from dataclasses import asdict

from compiler.diff.difference import Difference


def as_json(difference: Difference) -> str:
    """One object. What only the search for causes needs is left out."""
    data = asdict(difference)
    for change in data["changes"]:
        del change["taken"]
    return json.dumps({"equal": difference.is_equal, **data}, indent=2, ensure_ascii=False) + "\n"

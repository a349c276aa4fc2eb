"""`spec.lock.yaml`: every setting that the code was made from, none left to a default."""

import yaml

from compiler.spec.spec import Spec


def lock_text(spec: Spec) -> str:
    """The complete spec in one fixed order, as YAML that is a spec again."""
    values = spec.model_dump(exclude_none=True)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)

"""`spec.lock.yaml`: every setting that the code was made from, none left to a default."""

import yaml

from compiler.source.write import Dumper
from compiler.spec.anatomy import settings_without_meaning
from compiler.spec.spec import Spec


def lock_text(spec: Spec) -> str:
    """The complete spec in one fixed order, as YAML that is a spec again."""
    values = spec.model_dump(exclude_none=True)
    for *above, key in settings_without_meaning(spec.task):
        section = values
        for step in above:
            section = section.get(step, {})
        section.pop(key, None)
    return yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)

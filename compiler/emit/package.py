"""Write the text of each file of a generated package: network, training, tests, lock."""

from compiler.analysis.refusals import why_not_packed
from compiler.emit.attention_weights import weights_text
from compiler.emit.marks import marker
from compiler.emit.model import helpers_of_model, model_text
from compiler.emit.packed import packed_text
from compiler.emit.template import fill
from compiler.emit.tests import tests_text
from compiler.emit.training import training_text
from compiler.ir.block import Block
from compiler.spec.lock import lock_text
from compiler.spec.spec import Spec
from compiler.transforms.derive_weights import attentions
from compiler.transforms.name_tokens import name_tokens


def package_files(spec: Spec, model: Block) -> dict[str, str]:
    """File names with their text.

    A model without attention has no weights of any to show, and not every one can be packed.
    """
    model = name_tokens(model)
    helpers = helpers_of_model(model)
    beside: dict[str, str] = {}
    if attentions(model):
        beside["attention_weights.py"] = weights_text(model, spec.name, helpers)
    if why_not_packed(model) is None:
        beside["packed.py"] = packed_text(model, spec.name, helpers)
    return {
        "__init__.py": fill("__init__.py.jinja", name=spec.name, mark=marker(model.origin)("task")),
        "model.py": model_text(model, helpers, spec.name, spec.summary),
        "training.py": training_text(spec, model),
        **beside,
        "spec.lock.yaml": lock_text(spec),
        "test_model.py": tests_text(spec, model, helpers),
    }

"""The generated network within transformers: whatever its spec, its code goes with it."""

from dataclasses import dataclass

from compiler.export.generation import GENERATION_RULES
from compiler.export.target import Place, Rule, Table
from compiler.export.tokenizer import TOKENIZER_RULES
from compiler.export.verdict import said


@dataclass(frozen=True, kw_only=True)
class CodeTable(Table):
    """A format that runs the generated code, so that it says all that is below `model:`."""

    def rule(self, place: Place, *, is_narrow: bool = False) -> Rule | None:
        found = super().rule(place, is_narrow=is_narrow)
        is_network = place.path[0] == "model" and not is_narrow
        return said() if found is None and is_network else found


HUGGINGFACE_REMOTE = CodeTable(
    name="huggingface-remote",
    title="transformers",
    option="--to huggingface --as remote",
    rules={**GENERATION_RULES, **TOKENIZER_RULES},
)

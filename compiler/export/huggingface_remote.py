"""The generated network within transformers: whatever its spec, its code goes with it."""

from compiler.export.generation import GENERATION_RULES
from compiler.export.target import CodeTable
from compiler.export.tokenizer import TOKENIZER_RULES

HUGGINGFACE_REMOTE = CodeTable(
    name="huggingface-remote",
    title="transformers",
    option="--to huggingface --as remote",
    rules={**GENERATION_RULES, **TOKENIZER_RULES},
)

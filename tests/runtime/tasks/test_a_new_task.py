"""A new task is a record and a class for its text, each with one entry in a table."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
SPEC = """\
name: toy
task: copying
model:
  d_model: 16
  vocabulary: {size: 12}
  attention: {heads: 2}
  feed_forward: {d_ff: 32}
  encoder: {layers: 1}
  decoder: {layers: 1}
data:
  folder: TEXT
  tokenizer: segmented
  train: {text: train.txt}
  valid: {text: train.txt}
training: {batch_tokens: 256, steps: 2, schedule: {warmup_steps: 1}}
"""
SCRIPT = '''\
"""A toy task: the text is its own translation."""

import sys
from pathlib import Path

from compiler.spec.data import TextFiles
from compiler.spec.tasks import EVERY_STACK, TASKS, Task

TASKS["copying"] = Task(
    stacks=EVERY_STACK,
    corpora=(TextFiles,),
    text="texts: `text`",
    example="{text: FILE}",
    command="translate",
    scores=("chrf",),
    columns=("valid_ppl",),
    own=(("decoding",), ("evaluation", "lowercase")),
)

from runtime.data.pairs import PairsWriter, load_pairs
from runtime.data.tasks import TASKS as TEXTS
from runtime.data.tasks.language_models import LanguageModel
from runtime.data.tasks.texts import tokenised


class Copying(LanguageModel):
    def rows(self, part):
        return ((line, line) for (line,) in super(Copying, self).rows(part))

    def write(self, part, tokenizers, folder):
        with PairsWriter.open(folder) as writer:
            for several in tokenised(self, part, tokenizers):
                rows = [tokens for _, tokens in several]
                writer.add(rows, rows)
        return part

    def load(self, folder):
        return load_pairs(folder)


TEXTS["copying"] = Copying

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from runtime.inference.load import load_predictor
from runtime.run import Run
from runtime.scoring.evaluate import evaluate_run
from runtime.training.train import train

folder = Path(sys.argv[1])
spec = str(folder / "toy.yaml")
compile_spec(spec).write(folder / "package")
train(folder / "package", folder / "run", cache=folder / "cache", report=lambda _: None)
run = Run.open(folder / "run")
assert isinstance(load_predictor(run, device="cpu").translate("a b"), str)
assert [each.name for each in evaluate_run(run, "valid", device="cpu").measures] == ["bleu", "chrf"]
for wrong in ("evaluation.metric=perplexity", "evaluation.tokenize=char", "data.valid={label: x}"):
    try:
        compile_spec(spec, [wrong])
    except Rejected as error:
        print(error)
'''


def test_nothing_else_repeats_a_fact_about_a_task(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("".join(f"a b {word}\n" for word in "cdefgh"))
    (tmp_path / "toy.yaml").write_text(SPEC.replace("TEXT", str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "`perplexity` is no score of `task: copying`" in done.stdout
    assert "choose `chrf`" in done.stdout
    assert "`tokenize` has no effect with `task: copying`" in done.stdout
    assert "data.valid" in done.stdout

"""Docstrings are sentences with a subject, and names are those of the field."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[1]
LEFT = ROOT / "tests" / "docstrings_left.txt"
"""Files and old names that are not yet mended, one a line. Nothing may join the list, and what is
mended must leave it, which `--update-golden` sees to."""
WITHOUT_SUBJECT = re.compile(
    r"(Of|That|Those|The same|Both|Where|What|Whether|As|With|Without|By|How|Which|Why)(?!\w)"
)
"""Beginnings that leave out what the docstring is about."""
ENDS = re.compile(r"""([.:!?]|[.:!?]['")`]|-> .*\]?)$""", re.DOTALL)
"""The end of a sentence, or a contract of shapes: `x [batch, d_model] -> [batch]`."""
OLD_NAMES = dict(
    line.split()
    for line in """
Continues Pointwise
Vanishes Identity
Counts NeedsPosition
Slots NeedsCacheSlots
Remembers CachesKeyValue
Replaces CarriesState
remembered state_size
unpacks returns_list
kept saved_for_backward
Lineage BeamAncestry
of_parents gather_beams
readable visible_slots
Both MaskAnd
First SelectFirst
Halves Chunk
MeanOfReal MaskedMean
RealTokens PaddingMask
Project Unembed
Lookup Embed
Choose TopKRouter
Mixture ExpertDispatch
KeepBalance RecordLoad
Balance LoadBalancing
BothRecurrences BidirectionalRecurrence
both_directions run_bidirectional
StretchAngles RopeLinearScaling
StretchSlowAngles RopeLlama3Scaling
stretch scaling
deviation std
Near AttentionPosition
Number Hyperparameter
Word Str
Literal Const
Each Comprehension
Masking AttentionMask
Maskings MaskPlan
told extra_inputs
given required
real padding_mask
is_within is_self
batch_reach (none)
reach dependence
moot_keys unused_keys
compiler/ops/distance.py attention_bias.py
compiler/lower/distance.py attention_bias.py
compiler/spec/anatomy.py tasks.py
compiler/spec/moot.py unused_keys.py
compiler/spec/complete.py defaults.py
compiler/spec/short_forms.py shorthand.py
compiler/spec/section.py base.py
compiler/spec/places.py paths.py
compiler/readings.py complexity.py
compiler/proof.py pipeline.py
compiler/units.py format.py
compiler/passes/measure.py cost.py
compiler/passes/live.py dce.py
compiler/ir/letters.py suffix.py
compiler/passes/reach.py dependence.py
compiler/passes/flow.py dependence.py
compiler/ops/weights.py attention_weights.py
compiler/emit/weights.py attention_weights.py
compiler/passes/derive_weights.py attention_weights.py
compiler/weights import_map/
runtime/decoding/weights.py packed_linear.py
compiler/emit/fill.py template.py
compiler/weights/written_map.py export_map.py
compiler/weights/compacted.py name_ranges.py
compiler/weights/skeleton.py map_template.py
compiler/weights/piece.py assignment.py
compiler/diff/meaning.py settings_diff.py
compiler/diff/mixture.py hybrid.py
compiler/diff/side.py operand.py
compiler/diff/network.py fingerprint.py
compiler/diff/lines.py patience.py
runtime/holding.py system/file_lock.py
runtime/durable.py system/atomic_files.py
runtime/parent.py system/parent_death.py
runtime/memory.py system/malloc.py
runtime/decoding/columns.py column_major.py
runtime/decoding/penalty.py length_penalty.py
runtime/decoding/processes.py worker_pool.py
runtime/training/opening.py start_or_resume.py
runtime/training/window.py running_metrics.py
runtime/training/journal.py run_logger.py
runtime/training/order.py epoch_order.py
runtime/training/learner.py train_state.py
runtime/ablation/belonging.py consistency.py
runtime/ablation/mixing.py consistency.py
runtime/ablation/origin.py provenance.py
runtime/ablation/estimate.py eta.py
runtime/checkpoints/state.py progress.py
runtime/data/sealed.py checksummed.py
runtime/sealed.py checksummed.py
runtime/scoring/classes.py classification.py
""".strip().splitlines()
)
"""Names of classes, functions, fields, files and folders, and what the field calls them."""
KEPT = {"readable"}
"""Old names that stay, for reasons that `docs/architecture.md` tells."""


def files() -> list[Path]:
    return sorted(path for each in ("compiler", "runtime") for path in (ROOT / each).rglob("*.py"))


def faults(path: Path) -> Iterator[str]:
    """The first lines of docstrings that are no sentences."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            summary, blank, _ = text.partition("\n\n")
            if WITHOUT_SUBJECT.match(text) or (blank and not ENDS.search(summary)):
                yield summary


def defined(path: Path) -> Iterator[str]:
    """The names of a file: its own, its folder's, and those that modules and classes define."""
    relative = path.relative_to(ROOT)
    yield from (str(relative), str(relative.parent))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.ClassDef | ast.FunctionDef):
                    yield each.name
                elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    yield each.target.id


def test_docstrings_are_sentences_and_names_those_of_the_field(
    request: pytest.FixtureRequest,
) -> None:
    wrong = {str(path.relative_to(ROOT)): list(faults(path)) for path in files()}
    found: dict[str, object] = {name: each for name, each in wrong.items() if each}
    names = {each for path in files() for each in defined(path)} - KEPT
    found |= {f"name:{each}": OLD_NAMES[each] for each in names & OLD_NAMES.keys()}
    left = LEFT.read_text().split() if LEFT.exists() else []
    if request.config.getoption("--update-golden"):
        left = [each for each in left if each in found]
        LEFT.write_text("".join(f"{each}\n" for each in left))
    assert {name: each for name, each in found.items() if name not in left} == {}
    assert [each for each in left if each not in found] == [], f"take out of {LEFT.name}"

"""Docstrings are sentences with a subject, and names are those of the field."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[1]
WITHOUT_SUBJECT = re.compile(
    r"(Of|That|Those|The same|Both|Where|What|Whether|As|With|Without|By|How|Which|Why)(?!\w)"
)
"""Beginnings that leave out what the docstring is about."""
ENDS = re.compile(r"""([.:!?]|[.:!?]['")`]|-> .*\]?)$""", re.DOTALL)
"""The end of a sentence, or a contract of shapes: `x [batch, d_model] -> [batch]`."""
OLD_NAMES = dict(
    line.split()
    for line in """
compiler/ops:Continues Pointwise
compiler/ops:Vanishes Identity
compiler/ops:Counts NeedsPosition
compiler/ops:Slots NeedsCacheSlots
compiler/ops:Remembers CachesKeyValue
compiler/ops:Replaces CarriesState
compiler/ops:remembered state_size
compiler/ops:unpacks returns_list
compiler/ops:kept saved_for_backward
compiler/ops:Both MaskAnd
compiler/ops:First SelectFirst
compiler/ops:Halves Chunk
compiler/ops:MeanOfReal MaskedMean
compiler/ops:RealTokens PaddingMask
compiler/ops:Project Unembed
compiler/ops:Lookup Embed
compiler/ops:Choose TopKRouter
compiler/ops:Mixture ExpertDispatch
compiler/ops:KeepBalance RecordLoad
compiler/ops:Balance LoadBalancing
compiler/ops:BothRecurrences BidirectionalRecurrence
compiler/ops:StretchAngles RopeLinearScaling
compiler/ops:StretchSlowAngles RopeLlama3Scaling
compiler/ops:Places PositionIds
compiler/ops:Number Hyperparameter
compiler/ops:Word Str
compiler/ops:Literal Const
compiler/ops:Each Comprehension
compiler/emit:Lineage BeamAncestry
compiler/emit:of_parents gather_beams
compiler/emit:readable visible_slots
compiler/emit:keep select_batch
compiler/emit:Balance LoadBalancing
compiler/emit:both_directions run_bidirectional
compiler/lower:Masking AttentionMask
compiler/lower:Maskings MaskPlan
compiler/lower:given required
compiler/lower:real padding_mask
compiler/lower:is_within is_self
compiler/spec:stretch scaling
compiler/spec:deviation std
compiler/spec:Near AttentionPosition
told extra_inputs
compiler/ops:reach dependence
compiler/mask:reach dependence
compiler/analysis:reach dependence
batch_reach (none)
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
runtime/decoding/weights.py packed_linear.py
compiler/emit/fill.py template.py
compiler/import_map weights/
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
"""Names of classes, functions and fields, alone or after the folder that may not define them, and
of files and folders; and what the field calls them."""
KEPT = {"compiler/emit:keep"}
"""Old names that stay, for reasons that `docs/architecture.md` tells."""


def files() -> list[Path]:
    return sorted(path for each in ("compiler", "runtime") for path in (ROOT / each).rglob("*.py"))


def templates() -> list[Path]:
    return sorted((ROOT / "compiler/emit/templates").rglob("*.py.jinja"))


def faults(path: Path) -> Iterator[str]:
    """The first lines of docstrings that are no sentences."""
    for text in docstrings(path):
        summary, blank, _ = text.partition("\n\n")
        if WITHOUT_SUBJECT.match(text) or (blank and not ENDS.search(summary)):
            yield summary


def docstrings(path: Path) -> Iterator[str]:
    """The docstrings of a module, or those of a template without what fills it."""
    if path.suffix == ".jinja":
        text = re.sub(r"{%.*?%}\n?", "", path.read_text(), flags=re.DOTALL)
        yield from map(inspect.cleandoc, re.findall(r'"{3}(.*?)"{3}', text, re.DOTALL))
        yield from re.findall(r'{{ doc\("(.*?)"', path.read_text())
        return
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text


def defined(path: Path) -> Iterator[str]:
    """The names of a file: its own, its folder's, and those that modules and classes define."""
    relative = path.relative_to(ROOT)
    yield from (str(relative), str(relative.parent))
    for name in names_in(path):
        yield from (name, f"{'/'.join(relative.parts[:2])}:{name}")


def names_in(path: Path) -> Iterator[str]:
    if path.suffix == ".jinja":
        yield from re.findall(r"^ *(?:class|def) (\w+)", path.read_text(), re.MULTILINE)
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.ClassDef | ast.FunctionDef):
                    yield each.name
                elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    yield each.target.id


def test_docstrings_are_sentences() -> None:
    every = [*files(), *templates()]
    wrong = {str(path.relative_to(ROOT)): list(faults(path)) for path in every}
    assert {name: each for name, each in wrong.items() if each} == {}


def test_names_are_those_of_the_field() -> None:
    names = {each for path in [*files(), *templates()] for each in defined(path)} - KEPT
    assert {each: OLD_NAMES[each] for each in names & OLD_NAMES.keys()} == {}


@pytest.mark.parametrize(
    "text", ["Of a layer.", "What is read", "The same for x.", "The sum of a,\n\nand of b."]
)
def test_fragments_are_refused(text: str, tmp_path: Path) -> None:
    for name in ("module.py", "helper.py.jinja"):
        path = tmp_path / name
        path.write_text(f'"""{text}"""\n')
        assert list(faults(path)) == [text.partition("\n\n")[0]]

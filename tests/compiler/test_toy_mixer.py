"""A new kind of mixer is a class and an entry in two tables; everything else follows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
SETTINGS = '''
class Smoothing(Mixer):
    """A toy: each number by itself, over the positions before."""

    EXAMPLE = "{span: 3}"

    span: int = setting("positions", examples=[3])
    factor: int | None = setting("by default 2", default=None)

    def with_defaults(self, width: int, *, causal: bool) -> Self:
        return self.model_copy(update={"factor": self.factor or 2})

    def conflicts(self, *, causal: bool) -> Iterator[Conflict]:
        if self.span < 2:
            yield Conflict("span", "even-width", "a span of 1 mixes nothing", "write `span: 2`")


'''
LOWERING = """
def _smoothing(settings: Any, writer: _Writer) -> tuple[str, str]:
    context = writer.context
    (x,) = writer.mix(
        DepthwiseConvolution(
            d_model=context.d_model,
            width=Hyperparameter("convolution_width", settings.span),
            causal=True,
            initial=context.initials.matrix,
        ),
        "_",
    )
    return "A toy.", x


"""
SPEC = """
name: toy
task: language_model
model:
  d_model: 8
  vocabulary: {size: 20}
  embedding: {position: none}
  feed_forward: {d_ff: 12}
  smoothing: {span: 4}
  decoder: {layers: 2, block: [smoothing, feed_forward], smoothing: {factor: 3}}
data: {train: {text: a}, valid: {text: b}}
training: {batch_tokens: 1000, steps: 5000}
"""
SCRIPT = """
from pathlib import Path
from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.reference import reference
package = compile_spec("toy.yaml", [])
layer = package.spec.model.decoder.layers[0]
assert (layer.smoothing.span, layer.smoothing.factor) == (4, 3), layer
assert "class DecoderSmoothing(nn.Module):" in package.files["model.py"]
assert "def step(" in package.files["model.py"]
assert "`model.smoothing`, also in a stack" in reference()
for setting, code in {"span=1": "even-width", "spn=1": "unknown-key"}.items():
    try:
        compile_spec("toy.yaml", ["model.smoothing." + setting])
    except Rejected as rejected:
        assert code in str(rejected) and "--set" in str(rejected), rejected
    else:
        raise AssertionError(setting)
"""


def insert(path: Path, *texts: tuple[str, str]) -> None:
    """Puts each text before the one place where its mark stands."""
    whole = path.read_text()
    for mark, text in texts:
        assert whole.count(mark) == 1, mark
        whole = whole.replace(mark, f"{text}{mark}")
    path.write_text(whole)


def test_a_toy_mixer_is_one_class_and_two_entries(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "diff", "ablation")
    shutil.copytree(ROOT / "compiler", tmp_path / "compiler", ignore=ignored)
    insert(
        tmp_path / "compiler/spec/mixer.py",
        ("class Mixers(Section):", SETTINGS.lstrip()),
        ("    recurrence: Recurrence | None = None\n", "    smoothing: Smoothing | None = None\n"),
    )
    insert(
        tmp_path / "compiler/lower/mixer.py",
        (
            "from compiler.spec.mixer import Convolution",
            "from compiler.spec.mixer import Smoothing\n",
        ),
        ("_LOWERINGS: dict", LOWERING.lstrip()),
        ("    Convolution: _convolution,\n", "    Smoothing: _smoothing,\n"),
    )
    (tmp_path / "toy.yaml").write_text(SPEC)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

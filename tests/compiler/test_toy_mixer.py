"""A new kind of mixer is a class and an entry in two tables; everything else follows."""

from pathlib import Path

import pytest

from tests.support.recipe import Recipe

pytestmark = pytest.mark.quick

SETTINGS = '''
class Smoothing(Mixer):
    """A toy: each number by itself, over the positions before."""

    EXAMPLE = "{span: 3}"

    span: int = setting("positions", examples=[3])
    factor: int | None = setting("by default 2", default=None)

    def with_defaults(self, width: int, *, causal: bool) -> Self:
        return self.model_copy(update={"factor": self.factor or 2})

    def conflicts(self, width: int, *, causal: bool) -> Iterator[Conflict]:
        if self.span < 2:
            yield Conflict("span", "even-width", "a span of 1 mixes nothing", "write `span: 2`")


'''
LOWERING = """
def _smoothing(settings: Any, writer: Writer) -> tuple[str, str]:
    context = writer.context
    (x,) = writer.mix(
        DepthwiseConvolution(
            inputs=context.d_model,
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


def test_a_toy_mixer_is_one_class_and_two_entries(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path)
    settings, lowering = "compiler/spec/mixer.py", "compiler/lower/mixer.py"
    recipe.insert(settings, SETTINGS.lstrip(), before="class Mixers(Section):")
    entry = "    recurrence: Recurrence | None = None\n"
    recipe.insert(settings, "    smoothing: Smoothing | None = None\n", before=entry)
    imported = "from compiler.spec.mixer import Convolution"
    recipe.insert(lowering, "from compiler.spec.mixer import Smoothing\n", before=imported)
    recipe.insert(lowering, LOWERING.lstrip(), before="_LOWERINGS: dict")
    entry = "    Convolution: _convolution,\n"
    recipe.insert(lowering, "    Smoothing: _smoothing,\n", before=entry)
    assert recipe.touched == {settings, lowering}
    (recipe.folder / "toy.yaml").write_text(SPEC)
    recipe.run(SCRIPT)

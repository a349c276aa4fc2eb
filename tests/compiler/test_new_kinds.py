"""A new kind of position or activation is an entry with its facts; nothing else repeats them."""

from pathlib import Path

import pytest

from compiler.pipeline import compile_spec
from tests.support.recipe import Recipe

pytestmark = pytest.mark.quick

SPEC = """
name: some-model
task: language_model
model:
  d_model: 8
  vocabulary: {{size: 11}}
  attention: {{heads: 2}}
  feed_forward: {{d_ff: 8, {feed_forward}}}
  embedding: {{position: {position}}}
  decoder: {{layers: 2, {decoder}}}
data: {{train: {{text: a}}, valid: {{text: b}}, test: {{text: c}}}}
training: {{batch_tokens: 1000, steps: 5000}}
"""
RUN = """
import importlib.util, sys, torch
from pathlib import Path
from compiler.pipeline import check_spec, compile_spec
from compiler.source.diagnostic import Rejected

package = compile_spec("spec.yaml")
package.write(Path("some_model"))
found = importlib.util.spec_from_file_location("some_model", "some_model/__init__.py")
module = sys.modules["some_model"] = importlib.util.module_from_spec(found)
found.loader.exec_module(module)
torch.manual_seed(0)
model = module.Model().eval()
target = torch.randint(1, 11, (2, 30))
features = model.features(target)
state, parent = model.start(target), torch.zeros(2, 1, dtype=torch.long)
steps = [model.step(target[:, i : i + 1], parent, state)[:, 0] for i in range(30)]
torch.testing.assert_close(torch.stack(steps, dim=1), features, atol=1e-5, rtol=1e-4)
"""
"""Compiles, imports and decodes: steps give what the whole gives."""

POSITION = '''
class LogarithmicPosition(BiasPosition):
    """Scores fall with the logarithm of the distance (Chi et al. 2022)."""

    kind: Literal["logarithmic"]
    longest: Count = setting("distance from which on scores fall no more", examples=[64])


'''
OP = '''
from compiler.ops.expression import Const


@dataclass(frozen=True, slots=True, kw_only=True)
class LogarithmicBias(ScoreBias):
    """Each head learns how much and how fast scores fall (Chi et al. 2022)."""

    longest: Hyperparameter

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (Const(2), self.heads)
        return (Parameter(name="weight", shape=shape, initial=self.initial),)

    def module(self) -> Expression:
        sizes = (Const(2), self.heads)
        return Call(Name("distance_embedding"), sizes, self.initial.arguments())

    def bias(self, this: Expression, i: Expression, j: Expression) -> Expression:
        return call("logarithmic_bias", this, self.longest, i, j)


SCORE_BIASES["logarithmic"] = LogarithmicBias
'''
HELPER = '''\
def logarithmic_bias(table: nn.Embedding, longest: int, i: Tensor, j: Tensor) -> Tensor:
    """i [queries], j [keys] -> [heads, queries, keys]"""
    factor, rate = table.weight.abs().view(2, -1, 1, 1)
    return -factor * torch.log1p(rate * (i.unsqueeze(1) - j).abs().clamp(max=longest))
'''
BIAS = (
    RUN
    + """
table = model.target_distance
table.weight.data = torch.tensor([[1.0, 2.0], [0.5, 0.25]])
i = torch.arange(9)
distance = (i[:, None] - i).abs().clamp(max=5)
expected = [-1.0 * torch.log(1 + 0.5 * distance), -2.0 * torch.log(1 + 0.25 * distance)]
torch.testing.assert_close(module.model.logarithmic_bias(table, 5, i, i), torch.stack(expected))
KIND = "{kind: logarithmic, longest: 3}"
two_masks = "[{heads: 1, mask: causal}, {heads: 1, mask: causal & window(3)}]"
for code, setting in (
    ("biased-head-masks", f"model.decoder.self_attention.mask={two_masks}"),
    ("flex-setting", "model.kernel=flex"),
    ("unused-key", f"model.decoder={{layers: 2, block: [feed_forward], position: {KIND}}}"),
):
    try:
        check_spec("spec.yaml", [setting])
        raise AssertionError(setting)
    except Rejected as rejected:
        assert code in [each.code for each in rejected.diagnostics], rejected.diagnostics
layers = f"model.decoder.layers=[{{repeat: 1, position: {KIND}}}, {{repeat: 1, position: rotary}}]"
check_spec("spec.yaml", ["model.embedding.position=none", layers])
"""
)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(tmp_path)


def test_a_position_is_a_class_an_op_and_a_helper(recipe: Recipe) -> None:
    """Inheritance, checks, schema, reference and decoding follow from its base class."""
    spec = "compiler/spec/position.py"
    recipe.insert(spec, POSITION.lstrip(), before="class RelativePosition(")
    recipe.insert(spec, "LogarithmicPosition | ", before="AlibiPosition | RelativePosition |")
    recipe.append("compiler/ops/attention_bias.py", OP)
    recipe.write("compiler/emit/templates/helpers/logarithmic_bias.py.jinja", HELPER)
    assert len(recipe.touched) == 3
    position = "{kind: logarithmic, longest: 5}"
    (recipe.folder / "spec.yaml").write_text(
        SPEC.format(position=position, feed_forward="", decoder="")
    )
    recipe.run(BIAS)


ACTIVATION = (
    RUN
    + """
h = model.decoder.layers[0].feed_forward
w = dict(h.named_parameters())
x = torch.randn(3, 8)
hidden = x @ w["hidden.weight"].T + w["hidden.bias"]
expected = FORMULA @ w["output.weight"].T + w["output.bias"]
torch.testing.assert_close(h(x), expected)
"""
)


@pytest.mark.parametrize(
    ("name", "entry", "helper", "formula"),
    [
        ("softplus", 'Nonlinearity("a softplus", "F.softplus")', "", "torch.log1p(hidden.exp())"),
        (
            "fast_gelu",
            'Nonlinearity("a fast GELU", "fast_gelu")',
            'def fast_gelu(x: Tensor) -> Tensor:\n    """x -> near its GELU"""\n'
            "    return x * torch.sigmoid(1.702 * x)\n",
            "hidden / (1 + (-1.702 * hidden).exp())",
        ),
    ],
)
def test_an_activation_is_an_entry_and_where_torch_lacks_it_a_helper(
    name: str, entry: str, helper: str, formula: str, recipe: Recipe
) -> None:
    table = "compiler/activations.py"
    recipe.insert(table, f'    "{name}": {entry},\n', before='    "tanh": ')
    if helper:
        recipe.write(f"compiler/emit/templates/helpers/{name}.py.jinja", helper)
    assert len(recipe.touched) <= 2
    spec = SPEC.format(position="rotary", feed_forward=f"activation: {name}", decoder="")
    (recipe.folder / "spec.yaml").write_text(spec)
    recipe.run(ACTIVATION.replace("FORMULA", formula))


def test_a_prediction_head_has_all_activations() -> None:
    package = compile_spec("masked-language-model", ["model.prediction.activation=gelu_tanh"])
    assert 'F.gelu(self.hidden(x), approximate="tanh")' in package.files["model.py"]

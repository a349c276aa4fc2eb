"""A new optimizer is a class and one entry of a table; where torch lacks it, a helper too."""

from pathlib import Path

import pytest

from tests.support.recipe import Recipe

pytestmark = pytest.mark.quick

SETTINGS = "compiler/spec/optimizer.py"
SIGNS = '''
class Signs(OptimizerKind):
    """Signs. Its `schedule.peak` must be written."""

    CONSTRUCTOR = "Signs"
    USUAL_PEAK = 3e-4

    kind: Literal["signs"]
    betas: Annotated[list[Rate], Pair] = setting(
        "decay of the mean that an update takes the sign of, and of the one that it keeps",
        default=[0.9, 0.99],
        examples=[[0.9, 0.99]],
    )
    weight_decay: NotNegative = _weight_decay(0.0, 0.1)

    @property
    def title(self) -> str:
        return "Signs; whoever trains sets the rate of each update."

    @property
    def moments(self) -> int:
        return 1

    def arguments(self) -> dict[str, str | bool | float]:
        return {"betas": "betas"}


'''
SGD_WITHOUT_MOMENTUM = '''
class Plain(OptimizerKind):
    """Gradient descent. Its `schedule.peak` must be written."""

    CONSTRUCTOR = "torch.optim.SGD"
    USUAL_PEAK = 0.1

    kind: Literal["plain"]

    @property
    def title(self) -> str:
        return "Gradient descent."

    @property
    def moments(self) -> int:
        return 0


'''
HELPER = '''{% do needs("typing.Any") %}
class Signs(torch.optim.Optimizer):
    """Steps of one size: the sign of a mean of the gradients."""

    def __init__(self, params: Any, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            first, second = group["betas"]
            for each in group["params"]:
                if each.grad is None:
                    continue
                state = self.state[each]
                mean = state.setdefault("mean", torch.zeros_like(each))
                each.mul_(1 - group["lr"] * group["weight_decay"])
                each.sub_(group["lr"] * mean.lerp(each.grad, 1 - first).sign())
                mean.lerp_(each.grad, 1 - second)
'''
SPEC = """
name: some-model
task: language_model
model: {d_model: 8, vocabulary: {size: 11}, attention: {heads: 2}, feed_forward: {d_ff: 8},
  decoder: {layers: 1}}
data: {train: {text: a}, valid: {text: b}}
training: {batch_tokens: 1000, steps: 9, optimizer: OPTIMIZER, schedule: {warmup_steps: 2PEAK}}
"""
RUN = """
import importlib, sys, torch
from pathlib import Path
from compiler.explain import explain
from compiler.pipeline import check_spec, compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.reference import reference

package = compile_spec("spec.yaml")
package.write(Path("some_model"))
sys.path.insert(0, ".")
model = importlib.import_module("some_model").Model()
training = importlib.import_module("some_model.training")
optimizer = training.optimizer(model)
before = [each.detach().clone() for each in model.parameters()]
torch.manual_seed(0)
gradients = [[torch.randn_like(each) for each in before] for _ in range(3)]
for step in gradients:
    for each, gradient in zip(model.parameters(), step):
        each.grad = gradient
    optimizer.step()
assert f"**`kind: {KIND}`**" in reference()
plain = compile_spec("spec.yaml", ["training.optimizer={kind: sgd, momentum: 0}"])
memory = explain(package, 9).memory_bytes - explain(plain, 9).memory_bytes
Path("unsaid.yaml").write_text(Path("spec.yaml").read_text().replace(", peak: 0.01", ""))
try:
    check_spec("unsaid.yaml")
    raise SystemExit("a peak was not asked for")
except Rejected as rejected:
    assert f"`{KIND}` needs a `peak`" in str(rejected), rejected
"""
SIGNS_STEPS = """
for each, value, *steps in zip(model.parameters(), before, *gradients):
    mean = torch.zeros_like(value)
    for gradient in steps:
        if value.ndim > 1:
            value = value - 0.01 * 0.1 * value
        value = value - 0.01 * torch.sign(0.9 * mean + 0.1 * gradient)
        mean = 0.99 * mean + 0.01 * gradient
    torch.testing.assert_close(each.data, value)
"""


def added(recipe: Recipe, kind: str, settings: str) -> None:
    """Writes the class into the settings and enters it in the table."""
    recipe.insert(SETTINGS, settings.lstrip(), before="class Adafactor(")
    name = settings.partition("(")[0].split()[-1]
    recipe.insert(SETTINGS, f'    "{kind}": {name},\n', before='    "adafactor": Adafactor,\n')


def run(recipe: Recipe, kind: str, optimizer: str, steps: str = "") -> None:
    spec = SPEC.replace("OPTIMIZER", optimizer).replace("PEAK", ", peak: 0.01")
    (recipe.folder / "spec.yaml").write_text(spec)
    recipe.run(f"KIND = {kind!r}\n{RUN}{steps}")


def test_an_optimizer_of_torch_is_a_class_and_an_entry(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path)
    added(recipe, "plain", SGD_WITHOUT_MOMENTUM)
    assert recipe.touched == {SETTINGS}
    run(recipe, "plain", "plain", "assert memory == 0, memory")


def test_an_optimizer_that_torch_lacks_is_a_helper_too(tmp_path: Path) -> None:
    recipe = Recipe(tmp_path)
    added(recipe, "signs", SIGNS)
    recipe.write("compiler/emit/templates/helpers/Signs.py.jinja", HELPER)
    assert len(recipe.touched) == 2
    run(recipe, "signs", "{kind: signs, weight_decay: 0.1}", SIGNS_STEPS + "assert memory > 0\n")

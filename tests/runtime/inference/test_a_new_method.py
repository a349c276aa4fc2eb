"""A new method of decoding is two classes and their entries in two tables."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
SCRIPT = '''\
"""A toy method: the same token, as often as the limits allow."""

from typing import Literal

from compiler.spec.base import setting
from compiler.spec.decoding import DECODINGS, Decoding


class Echo(Decoding):
    """One token over and over."""

    kind: Literal["echo"] = "echo"
    token: int = setting("its number", default=5)


DECODINGS["echo"] = Echo

from runtime.inference.beam_search import Hypothesis
from runtime.inference.methods import METHODS


class Echoes:
    hypotheses = 1

    def __init__(self, decoding):
        self.decoding = decoding

    def refuse(self, n_best):
        pass

    def words(self):
        yield f"token {self.decoding.token}"

    def decode(self, model, state, text, limits, *, lines, n_best=1):
        token = self.decoding.token
        return [[Hypothesis(tokens=(token,) * limit, score=0.0)] for limit in limits]


METHODS["echo"] = Echoes

from compiler.emit.show import annotated
from compiler.source.diagnostic import Rejected
from compiler.spec.load import load
from runtime.command.evaluate import described
from runtime.inference.batch_decoder import BatchDecoder
from runtime.inference.calls import chosen_spec
from runtime.package import load_package
from pathlib import Path

echo = load("demo", ["decoding={kind: echo, token: 7, max_length: 2}"])
print(annotated(echo))
print(described(echo.spec.decoding))
model = load_package(Path("generated/demo")).model_class().eval()
(((found,),)) = BatchDecoder(model, echo.spec).decode([[5, 6, 7]])
assert found.tokens == (7, 7), found
search = chosen_spec(echo.spec, {"beam": 3}).decoding
assert (search.kind, search.beam, search.max_length) == ("beam", 3, 2)
assert chosen_spec(search and echo.spec, {"token": 8}).decoding.token == 8
assert load("demo", ["decoding.token=9"]).spec.decoding.kind == "echo"
for wrong in ("{kind: echo, beam: 3}", "{kind: eco}", "{kind: beam, token: 3}"):
    try:
        load("demo", [f"decoding={wrong}"])
    except Rejected as error:
        print(error)
'''


def test_nothing_else_repeats_a_fact_about_a_method() -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for expected in (
        "kind: echo",
        "token 7",
        "`beam` is for `kind: beam`",
        "`token` is for `kind: echo`",
        "did you mean `echo`?",
    ):
        assert expected in done.stdout

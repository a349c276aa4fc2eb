"""A whole spec."""

import keyword
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from compiler.spec.base import Section, setting, union_of
from compiler.spec.data import Data
from compiler.spec.decoding import DECODINGS, BeamSearch, Decoding
from compiler.spec.model import Model
from compiler.spec.tasks import TASKS, USUAL_TASK
from compiler.spec.training import Evaluation, Training

VERSION = 1
"""The version of the spec language; it changes when the meaning of a key changes."""

NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
LONGEST_WORD = 60
if TYPE_CHECKING:
    TaskName = str
    AnyDecoding = Decoding
else:
    TaskName = Literal[*TASKS]
    AnyDecoding = union_of(DECODINGS, "beam")


def _one_line(text: str) -> str:
    """The summary is wrapped into the docstring of generated code."""
    if not text.isprintable():
        raise PydanticCustomError("not_one_line", "one line of printable characters")
    if max(map(len, text.split()), default=0) > LONGEST_WORD:
        raise PydanticCustomError(
            "long_word", "words of at most {n} characters", {"n": LONGEST_WORD}
        )
    return text


def _importable(name: str) -> str:
    if keyword.iskeyword(name):
        raise PydanticCustomError("keyword", "a name that is no keyword of Python")
    return name


class Spec(Section):
    """One model and its recipe: architecture, data, training, decoding, evaluation."""

    spec_version: Literal[1] = setting("version of this language", default=VERSION)
    name: Annotated[str, AfterValidator(_importable)] = setting(
        "small letters, digits and hyphens: generated code is called so",
        pattern=NAME,
        max_length=40,
        examples=["transformer-base"],
    )
    summary: Annotated[str, AfterValidator(_one_line)] = setting(
        "one line for people",
        default="",
        max_length=200,
        examples=['Vaswani et al. 2017, Table 3, row "base"'],
    )
    task: TaskName = setting("what the model is for", default=USUAL_TASK)
    model: Model
    data: Data
    training: Training
    decoding: AnyDecoding = setting(
        "the choice of the tokens that a trained model says", default=BeamSearch()
    )
    evaluation: Evaluation = Evaluation()

"""A whole spec."""

import keyword
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from compiler.spec.data import Data
from compiler.spec.model import Model
from compiler.spec.section import Section
from compiler.spec.training import Decoding, Evaluation, Training

LONGEST_WORD = 60


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

    name: Annotated[str, AfterValidator(_importable)] = Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40
    )
    summary: Annotated[str, AfterValidator(_one_line)] = Field(
        default="", max_length=200, description="one line for people"
    )
    task: Literal["translation"] = "translation"
    model: Model
    data: Data
    training: Training
    decoding: Decoding = Decoding()
    evaluation: Evaluation = Evaluation()

"""A whole spec."""

from typing import Literal

from pydantic import Field

from compiler.spec.data import Data
from compiler.spec.model import Model
from compiler.spec.section import Section
from compiler.spec.training import Decoding, Evaluation, Training


class Spec(Section):
    """One model and its recipe: architecture, data, training, decoding, evaluation."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)
    summary: str = Field(default="", max_length=200, description="one line for people")
    task: Literal["translation"] = "translation"
    model: Model
    data: Data
    training: Training
    decoding: Decoding = Decoding()
    evaluation: Evaluation = Evaluation()

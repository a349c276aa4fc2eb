"""The language of an ablation's file, as pydantic classes."""

from typing import Annotated, Any

from pydantic import Field

from compiler.ablation.columns import Column
from compiler.spec.base import Section, Whole, setting
from compiler.spec.spec import NAME

ROW_NAME = r"^[a-z0-9][a-z0-9._-]*$"
LONGEST_NAME = 60
MOST_ROWS, MOST_SEEDS = 250, 100

Settings = dict[str, Any]
Reference = Annotated[str, Field(min_length=1)]


class Row(Section):
    """A row with a name of its own: the base with other settings, or another spec."""

    name: str = setting(
        "small letters, digits and `. _ -`: a folder is called so",
        pattern=ROW_NAME,
        max_length=LONGEST_NAME,
    )
    set: Settings = setting("settings by dotted key", default={})
    spec: Reference | None = setting("a spec that takes the place of the base", default=None)


class Group(Section):
    """Rows that belong together: all combinations of a grid, and rows one by one."""

    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = setting(
        "values of settings, by dotted key", default={}
    )
    rows: list[Row] = setting("rows with names", default=[])


class AblationFile(Section):
    """A base, and the rows that are compared with it."""

    ablation: str = setting("its name", pattern=NAME, max_length=40)
    summary: str = setting("one line for people", default="", max_length=200)
    base: Reference = setting("a spec: a path seen from this file, or a name of the library")
    set: Settings = setting("settings of the base and all rows, by dotted key", default={})
    seeds: Annotated[list[Whole], Field(min_length=1, max_length=MOST_SEEDS)] = setting(
        "values of `training.seed`, a run of every row for each", default=[1]
    )
    groups: Annotated[dict[str, Group], Field(min_length=1)] = setting("the rows, by group")
    columns: Annotated[list[Column], Field(min_length=1)] | None = setting(
        "of the table", default=None
    )

"""The published corpora as data: where each comes from, its parts, and what uses it."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime.errors import UserError

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
TEXT = "txt"
"""The one `language` of running text: the end of its files' names."""


class Entry(BaseModel):
    """A part of the catalogue, in which no key is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedFile(Entry):
    """A file at an address, with the checksum that is known of it, if any."""

    url: str
    """Its address, or that of the folder it lies in, which ends in a slash."""
    sha256: str | None = None
    md5: str | None = None
    checked_by: str
    """Says who publishes the checksum; empty where nobody does."""

    @model_validator(mode="after")
    def _says_who_checks(self) -> "PublishedFile":
        if bool(self.checked_by) != bool(self.sha256 or self.md5):
            raise ValueError("a checksum, and who publishes it, are known together or not at all")
        return self


class Pairs(Entry):
    """A part of sentence pairs."""

    rows: int | None = None
    """The pairs that the published part has, where they are known."""
    also: tuple[str, ...] = ()
    """Further names under which files of the part are looked for, where the user brings them."""


class Lines(Pairs):
    """Files side by side, one for each language, packed or not."""

    kind: Literal["lines"]
    files: tuple[str, ...]


class Hub(Pairs):
    """A split of a data set on the Hugging Face hub, read by the package `datasets`."""

    kind: Literal["hub"]
    repository: str
    configuration: str
    revision: str
    split: str


class TestSet(Pairs):
    """A test set that sacreBLEU knows by name."""

    kind: Literal["test_set"]
    test_set: str


class Talks(Pairs):
    """Members of an archive of IWSLT: lines with markup between them, or segments of XML."""

    kind: Literal["talks"]
    archive: str
    members: tuple[str, ...]


class HeldOut(Pairs):
    """Pairs that another part leaves: one of every so many of those that pass its filters."""

    kind: Literal["held_out"]
    part: str
    every: int


class Text(Entry):
    """Running text: a file, or a member of a .zip archive, or some of its bytes."""

    kind: Literal["text"]
    file: str
    member: str | None = None
    bytes: tuple[int, int] | None = None


Part = Annotated[Lines | Hub | TestSet | Talks | HeldOut | Text, Field(discriminator="kind")]


class PublishedCorpus(Entry):
    """A corpus that has a name, and everything that is known of it before it is fetched."""

    summary: str
    languages: tuple[str, ...]
    document: str
    """Says what counts as a document."""
    size: str
    licence: str
    homepage: str
    citation: str
    files: dict[str, PublishedFile] = {}
    parts: dict[str, Part]
    specs: tuple[str, ...] = ()
    """The specs of the library that are trained on it."""

    @property
    def is_text(self) -> bool:
        return self.languages == (TEXT,)

    @model_validator(mode="after")
    def _names_known_files(self) -> "PublishedCorpus":
        for name, part in self.parts.items():
            if missing := set(files_of(part)) - set(self.files):
                raise ValueError(f"the part {name} has unknown files: {', '.join(missing)}")
            if isinstance(part, HeldOut) and part.part not in self.parts:
                raise ValueError(f"the part {name} is held out of {part.part}, which is no part")
        return self


def files_of(part: Lines | Hub | TestSet | Talks | HeldOut | Text) -> tuple[str, ...]:
    """Return the names of the published files that a part is made of."""
    match part:
        case Lines(files=files):
            return files
        case Talks(archive=archive):
            return (archive,)
        case Text(file=file):
            return (file,)
    return ()


@cache
def catalogue() -> dict[str, PublishedCorpus]:
    """Return all published corpora by name."""
    entries = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return {name: PublishedCorpus.model_validate(entry) for name, entry in entries.items()}


def find_corpus(name: str) -> PublishedCorpus:
    """Return a corpus. Raises a UserError for a name that the catalogue does not have."""
    if name not in catalogue():
        raise UserError(
            f"there is no published corpus {name!r}",
            help=f"one of {', '.join(catalogue())}; `specformer corpus --list` describes them",
        )
    return catalogue()[name]


def command_for(folder: Path) -> str | None:
    """Return the command that writes a published corpus into a folder that is called as one."""
    if folder.name not in catalogue():
        return None
    return f"specformer corpus {folder} --name {folder.name}"

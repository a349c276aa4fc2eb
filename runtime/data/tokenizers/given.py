"""Tokenizers that a spec names as files, made by other programs."""

from pathlib import Path

from compiler.spec.tokenizer import FILES
from compiler.spec.tokenizer import Tokenizer as Settings
from compiler.vocabulary.foreign import BESIDE
from compiler.vocabulary.rows import Rows
from runtime.data.files import find_files
from runtime.data.text import TrainingText
from runtime.errors import UserError


def given_file(name: str, folder: str) -> Path:
    """Return the file that `data.tokenizer` names. Raises a UserError unless it is one file."""
    files = find_files(name, folder)
    if len(files) != 1 or not files[0].is_file():
        raise UserError(
            f"data.tokenizer: {name} is not one file, but {len(files)} or a folder",
            help="name the file itself, such as tokenizer.json",
        )
    return files[0]


def given_files(settings: Settings, folder: str) -> list[Path]:
    """Return the files that the tokenizer of a spec is read from, those beside them included."""
    names = (getattr(settings, key, None) for key in FILES)
    files = [given_file(name, folder) for name in names if name is not None]
    beside = (files[0].parent / name for name in BESIDE) if files else ()
    return [*files, *(path for path in beside if path.is_file())]


def require_size(rows: Rows, text: TrainingText, file: Path) -> None:
    """Raise a UserError unless the vocabulary of the file has the rows that the spec says."""
    if len(rows) != text.rows:
        raise UserError(
            f"{text.setting} is {text.rows:,}, and {file} has {len(rows):,} rows with the "
            f"{rows.symbols} symbols",
            help=f"set {text.setting} to {len(rows)}",
        )

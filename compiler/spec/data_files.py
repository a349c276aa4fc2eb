"""The files that `data:` names by paths and globs, which start from `data.folder`."""

from glob import glob, has_magic
from pathlib import Path


def root_of(folder: str | Path) -> Path:
    """Return the folder that paths start from. Raises a RuntimeError for `~USER` of no user."""
    return Path(folder).expanduser()


def matching(pattern: str, root: Path) -> list[Path]:
    """Return the file of a path, or those of a glob in alphabetical order, each once.

    None is there for a path or a glob that finds nothing.
    """
    path = root / pattern
    if path.exists():
        return [path]
    if not has_magic(pattern):
        return []
    matches = [root / match for match in sorted(glob(pattern, root_dir=root, recursive=True))]
    files = {match.resolve(): match for match in reversed(matches) if match.is_file()}
    return sorted(files.values(), key=matches.index)

"""Families of published models: for each a folder with its table and the map of its tensors."""

from pathlib import Path

FAMILIES = Path(__file__).parent

"""Families of published models: for each a folder with the map of its tensors to ours."""

from pathlib import Path

FAMILIES = Path(__file__).parent

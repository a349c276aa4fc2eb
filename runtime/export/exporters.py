"""The exporters, by the names of their formats."""

from runtime.export.exporter import Exporter

EXPORTERS: dict[str, Exporter] = {}
"""Each writes the format whose table `compiler.export.targets` has under the same name."""

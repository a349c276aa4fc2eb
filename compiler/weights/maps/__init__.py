"""Maps of published architectures without a table for `specformer import`, and of further heads."""

from pathlib import Path

MAPS = Path(__file__).parent

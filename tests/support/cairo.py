"""Tests of PNG and PDF need the extra `report` and the system's Cairo; elsewhere they skip."""

import pytest


def _missing() -> str:
    """Return why cairosvg cannot be imported, or nothing."""
    try:
        import cairosvg  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: the package without the system's Cairo
        return f"no PNG and no PDF can be made: {error}"
    return ""


_REASON = _missing()
needs_cairo = pytest.mark.skipif(bool(_REASON), reason=_REASON)

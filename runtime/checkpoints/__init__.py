"""Where a run stands, on disk: written whole or not at all, checked before it is used."""

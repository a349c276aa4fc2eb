"""What one spec, package or run changes against another: in meaning, code, cost and checkpoint."""

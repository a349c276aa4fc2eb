"""The difference of two specs, packages or runs: in meaning, code, cost and checkpoint."""

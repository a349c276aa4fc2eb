"""Tables of trained variants: rows that are queued, run as processes of their own, and compared."""

"""Files, locks, processes and terminals, as the operating system has them."""

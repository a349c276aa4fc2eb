"""Formats of other programs: what each of them can say of a spec."""

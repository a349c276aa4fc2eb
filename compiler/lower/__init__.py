"""Spec to IR: one small function per component of the spec."""

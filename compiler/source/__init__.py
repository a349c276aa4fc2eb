"""Text with places: YAML nodes that know where they stand, and diagnostics that point there."""

"""The table of an ablation in the formats of papers, pages and programs."""

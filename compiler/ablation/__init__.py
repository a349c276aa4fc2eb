"""The file of an ablation, and the specs of its rows."""

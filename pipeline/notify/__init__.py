"""Verdicts told to people and machines: `--notify`. Off by default, never in the way of a verdict."""

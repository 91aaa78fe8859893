"""Measures to verdicts."""

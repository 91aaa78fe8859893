"""Numbers to checks, and checks to a verdict: pure functions, no frames, no files, no clock."""

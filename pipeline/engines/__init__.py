"""Where measures are computed."""

"""The commands, one module each or a few that belong together; heavy imports stand inside the functions."""

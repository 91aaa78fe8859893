"""Speed of `check` beside other tools."""

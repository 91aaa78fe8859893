"""Files and standard input as sources: every form in which people export logs, to raw records."""

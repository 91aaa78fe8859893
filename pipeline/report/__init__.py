"""A verdict as something to read: files, Markdown, terminal."""

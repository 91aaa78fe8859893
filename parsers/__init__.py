"""The event catalogue and everything that reads text: line formats, redaction, signatures, classification."""

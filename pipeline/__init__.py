"""From a window of Cloud Run logs to a verdict: source, entries, events, measures, verdict, report."""

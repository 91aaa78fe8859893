"""A log sink's tables in BigQuery, or Log Analytics, as a source."""

"""Events to measures, on this machine or in BigQuery."""

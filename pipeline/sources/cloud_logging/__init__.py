"""Cloud Logging as a source: its API, what was pulled of it, and the deployments that its audit log shows."""

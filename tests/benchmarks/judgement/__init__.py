"""How often the judge is right: seeded windows of known truth, and what rivals' rules say of the same windows."""

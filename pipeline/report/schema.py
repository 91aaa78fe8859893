"""The published schema of verdict.json, generated from its model."""

import json

from pipeline.judge.model import SCHEMA_VERSION, Verdict


def verdict_schema() -> str:
    """Return the JSON Schema (draft 2020-12) of verdict.json, as `pipeline/judge/verdict.schema.json` has it."""
    schema = Verdict.model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"verdict.json {SCHEMA_VERSION}"}
    return json.dumps({**schema, **head}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

"""verdict.json keeps to its published schema, and the schema to its model."""

import json

import jsonschema
import pytest

from pipeline.report.files import rendered
from pipeline.report.schema import verdict_schema
from tests.conftest import ROOT, check, failing, ndjson
from tests.report.made_up import empty, full

PUBLISHED = ROOT / "pipeline/judge/verdict.schema.json"


def test_the_published_schema_is_current():
    """`make docs` writes it again after a change of the model."""
    assert PUBLISHED.read_text(encoding="utf-8") == verdict_schema()


def test_documents_are_valid(tmp_path):
    """An independent validator takes a full, an empty and a real document, and refuses a wrong one."""
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    run = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", failing()))
    for verdict in (empty(), full(), run.verdicts[0][1]):
        validator.validate(json.loads(rendered(verdict, "json")))
    document = json.loads(rendered(full(), "json"))
    for wrong in ({"verdict": "MAYBE"}, {"checks": [{}]}, {"surprise": 1}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({**document, **wrong})

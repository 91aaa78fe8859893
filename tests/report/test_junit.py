"""JUnit XML that Jenkins takes: one case per check, skipped with a reason where nothing was judged."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema

from pipeline.report.junit import junit
from tests.report.hostile import HOSTILE
from tests.report.made_up import PROOF, checks, empty, full, with_status

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def test_one_case_per_check():
    """Failures with numbers and entries, warnings as output, the rest skipped with its reason."""
    found = with_status(full().checks, evidence__traffic="INCONCLUSIVE", security__attacks="NOT_APPLICABLE")
    text = junit(full(checks=found))
    SCHEMA.validate(text)
    suite = ET.fromstring(text)
    cases = {case.get("name").split(":")[0]: case for case in suite.iter("testcase")}
    assert list(cases) == [one.id for one in found]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(len(found)), "2", "0")
    assert suite.get("skipped") == "2"
    failure = cases["requests.error_rate"].find("failure")
    assert (failure.get("type"), failure.get("message")) == ("critical", "as it should be")
    assert "observed: 1.88 % (95 %: 0.613 to 4.33 %), n = 266" in failure.text
    assert "baseline: 0.1 %" in failure.text
    assert "limit: FAIL above 1 %" in failure.text
    assert "Container called exit(3)." in failure.text
    assert PROOF.url in failure.text
    assert cases["evidence.traffic"].find("skipped").get("message") == "inconclusive: as it should be"
    assert cases["security.attacks"].find("skipped").get("message") == "not applicable: as it should be"
    assert cases["golden_path.deliveries"].find("system-out").text.startswith("WARN: as it should be\n")
    assert not list(cases["platform.exits"])


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("status", ["PASS", "WARN", "FAIL", "INCONCLUSIVE"])
def test_hostile_texts_stay_text(text, status):
    """Whatever a line, a reason or a name holds, the document is valid and has one case per check."""
    proof = PROOF.model_copy(update={"excerpt": text, "url": text})
    found = checks(status, text, evidence=[proof], limit=text)
    written = junit(empty(checks=found, service=text, revision=text, headline=text))
    SCHEMA.validate(written)
    assert len(list(ET.fromstring(written).iter("testcase"))) == len(found)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", written)


def test_the_schema_refuses_what_jenkins_refuses():
    """A case without a name and a suite without its counts are not JUnit."""
    for wrong in (
        "<testsuite name='x'/>",
        "<testsuite name='x' tests='1' failures='0' errors='0'><testcase/></testsuite>",
    ):
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            SCHEMA.validate(wrong)

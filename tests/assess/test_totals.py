"""Totals: each sum is broken once, to see it noticed."""

import pytest

from pipeline.assess.totals import unreconciled
from tests.conftest import check, healthy, line, ndjson

TOTALS = ("read", "kept", "duplicates", "parsed", "unparsed", "explained", "unexplained")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A run with an entry of every kind: explained and not, unparsed, twice, of no revision, of nobody."""
    folder = tmp_path_factory.mktemp("totals")
    kinds = [
        line(3, "nobody explains this"),
        line(4, "", textPayload=["no", "LogEntry"]),
        line(5, "of the service", revision=None),
        line(6, "unparsed, of the service", timestamp="never", revision=None),
        {"timestamp": "2026-01-15T09:00:00Z", "textPayload": "of nobody", "insertId": "x"},
        "no JSON",
    ]
    entries = [*healthy(), *kinds, *healthy()[:5]]
    return check(folder / "store", ndjson(folder / "x.ndjson", entries))


def test_the_totals_of_a_run(found):
    """Counted by hand."""
    assert found.totals == {
        "read": 52,
        "kept": 47,
        "duplicates": 5,
        "parsed": 44,
        "unparsed": 3,
        "explained": 41,
        "unexplained": 3,
        "unattributed": 2,
    }
    document = found.verdicts[0][1]
    assert (document.inputs.entries, document.inputs.unparsed, document.inputs.explained) == (43, 1, 41)
    assert (document.service_level.entries, document.service_level.unparsed) == (2, 1)
    assert unreconciled(found.totals, [document]) == []


@pytest.mark.parametrize("name", TOTALS)
@pytest.mark.parametrize("change", [1, -1])
def test_each_total_of_a_run_is_noticed(found, name, change):
    """One entry more or less anywhere, and the sums say where."""
    documents = [one for _, one in found.verdicts]
    broken = unreconciled({**found.totals, name: found.totals[name] + change}, documents)
    assert broken
    assert all(name in text for text in broken)


def _inputs(part, **more):
    return lambda one: one.model_copy(update={part: getattr(one, part).model_copy(update=more)})


def _more(counts):
    name = next(iter(counts))
    return {**counts, name: counts[name] + 1}


def _event(one):
    first = one.events[0].model_copy(update={"lines": one.events[0].lines + 1})
    return one.model_copy(update={"events": [first, *one.events[1:]]})


def _endpoint(one):
    requests = one.requests.model_copy(update={"by_endpoint": one.requests.by_endpoint[1:]})
    return one.model_copy(update={"requests": requests})


COUNTS = ("entries", "parsed", "unparsed", "explained", "unexplained", "by_log", "by_severity", "by_level")
INPUTS = [f"{part} {name}" for part in ("inputs", "service_level") for name in COUNTS]


@pytest.mark.parametrize("case", [*INPUTS, "lines of events", "requests by endpoint"])
def test_each_total_of_a_verdict_is_noticed(found, case):
    """The revision is named with the sum that does not hold."""
    document = found.verdicts[0][1]
    if case == "lines of events":
        broken = _event(document)
    elif case == "requests by endpoint":
        broken = _endpoint(document)
    else:
        part, name = case.split()
        value = getattr(getattr(document, part), name)
        broken = _inputs(part, **{name: _more(value) if isinstance(value, dict) else value + 1})(document)
    said = unreconciled(found.totals, [broken])
    assert said
    assert all(text.startswith("shop-api shop-api-00042-abc: ") for text in said)


def test_a_broken_total_is_told_with_both_numbers(found):
    """What was counted on each side."""
    assert unreconciled({**found.totals, "read": 1000}, []) == ["read = kept + duplicates: 1,000 and 52"]

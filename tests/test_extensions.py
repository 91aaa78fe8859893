"""A third source and a third store: one file each, and one line in a registry; nothing else has to know them."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from pipeline.sources import base as sources
from pipeline.sources.base import EntryBatch
from pipeline.sources.log_entry import EntryReader
from pipeline.stores import base as stores
from pipeline.stores.local import LocalStore
from tests.conftest import call, failing, ndjson

HERE = __name__


class CloudEvents:
    """A folder of CloudEvents, a JSON file each, whose data is a LogEntry."""

    remote = False
    size = None

    def __init__(self, address):
        self.address = address

    def now(self):
        return None

    def batches(self, request, report, checkpoint=None):
        with EntryReader() as reader:
            files = sorted(Path(self.address.removeprefix("cloudevents://")).iterdir())
            lines = [json.dumps(json.loads(path.read_text())["data"]).encode() for path in files]
            report.records += len(lines)
            yield EntryBatch(reader.read(lines))

    def query(self, request, report):
        return None

    def estimate(self, request):
        return None

    def audit_entries(self, service, window):
        return []


def open_events(address, access):
    return [CloudEvents(address)]


class Counting(LocalStore):
    """A store that says what was asked of it."""

    asked: ClassVar = []

    @contextmanager
    def writing(self):
        self.asked.append("writing")
        with super().writing():
            yield

    def add(self, source, *rest):
        self.asked.append(f"add {type(source).__name__}")
        super().add(source, *rest)

    def classify(self, *rest):
        self.asked.append("classify")
        super().classify(*rest)

    def aggregate(self, *rest):
        self.asked.append("aggregate")
        return super().aggregate(*rest)

    def save(self, table, *rest):
        self.asked.append(f"save {table}")
        super().save(table, *rest)


def open_counting(address, options):
    return Counting(Path(address.removeprefix("counting://")))


@pytest.fixture
def registered(monkeypatch):
    """Both kinds, each by its one line."""
    source = sources.Kind("CloudEvents", lambda address: address.startswith("cloudevents://"), f"{HERE}:open_events")
    store = stores.Kind("counting", lambda address: address.startswith("counting://"), f"{HERE}:open_counting")
    monkeypatch.setattr(sources, "KINDS", [source, *sources.KINDS])
    monkeypatch.setattr(stores, "KINDS", [store, *stores.KINDS])
    monkeypatch.setattr(Counting, "asked", [])


def test_a_third_source_and_a_third_store(registered, tmp_path):
    """The same verdict as from a file into a folder, through the five steps in their order."""
    (tmp_path / "events").mkdir()
    for number, entry in enumerate(failing()):
        event = {"specversion": "1.0", "id": str(number), "type": "google.cloud.logging", "data": entry}
        (tmp_path / "events" / f"{number:03d}.json").write_text(json.dumps(event))
    found = call(
        *("check", f"cloudevents://{tmp_path}/events", "--store", f"counting://{tmp_path}/store", "--format", "json")
    )
    want = call("check", ndjson(tmp_path / "x.ndjson", failing()), "--format", "json")
    assert (found.exit_code, found.stdout) == (1, want.stdout)
    assert Counting.asked == [
        *("writing", "add CloudEvents", "classify", "aggregate", "save signatures", "save verdicts")
    ]

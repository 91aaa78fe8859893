"""`check --history bigquery://…`: verdicts, baselines and notices in BigQuery, entries in a store on this machine."""

import json

from pipeline.run import Job, check
from pipeline.sources.base import Request, open_sources
from pipeline.stores import notices
from pipeline.stores.elsewhere import StoreWithHistory, open_history
from pipeline.stores.local import LocalStore
from tests.conftest import call, healthy, line, ndjson, request, rules


def later():
    """A window of the next revision, two hours later."""
    return [
        line(7200, "Application startup complete.", revision="00043-abc"),
        *(request(7200 + second, revision="00043-abc") for second in range(1, 121, 3)),
    ]


def test_a_history_in_bigquery_is_a_baseline(dataset, tmp_path, monkeypatch):
    """From the command line: the second run compares with the first one's revision, and is listed once."""
    place, client = dataset
    from tests.servers.receiver import Receiver

    receiver = Receiver()
    with receiver.running() as hook:
        monkeypatch.setenv("RUNVERDICT_SLACK", hook)
        more = ("--history", place, "--format", "json", "--notify", "slack")
        first = call("check", ndjson(tmp_path / "a.ndjson", healthy()), *more)
        second, again = (call("check", ndjson(tmp_path / "b.ndjson", later()), *more) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr + second.stderr
    assert json.loads(second.stdout)["baseline"] == "shop-api-00042-abc"
    assert again.stdout == second.stdout
    assert len(receiver.got) == 2
    listed = [json.loads(text) for text in call("history", "--history", place, "--format", "json").stdout.splitlines()]
    assert [row["revision"] for row in listed] == ["shop-api-00042-abc", "shop-api-00043-abc"]
    assert call("history", "--history", place, "--out", str(tmp_path / "pages")).exit_code == 0
    page = (tmp_path / "pages/shop-api/history.html").read_text(encoding="utf-8")
    assert all(row["revision"] in page for row in listed)
    path = place.removeprefix("bigquery://")
    (count,) = client.query(f"select count(*) as n from `{path}.verdicts`").result()
    assert count["n"] == 2


def test_the_verdict_is_that_of_a_folder(dataset, tmp_path):
    """The same bytes, whichever of the two holds the history."""
    catalogue, policy = rules()
    shown = []
    for address in (dataset[0], str(tmp_path / "history")):
        for name, entries in (("a", healthy()), ("b", later())):
            store = StoreWithHistory(LocalStore(tmp_path / address.rpartition("/")[2] / name), open_history(address))
            path = ndjson(tmp_path / f"{name}.ndjson", entries)
            run = check(Job(open_sources([str(path)]), catalogue, policy, Request()), store)
        shown.append([verdict.model_dump_json() for _, verdict in run.verdicts])
    assert shown[0] == shown[1]


def test_a_claim_is_made_once(dataset):
    """Another run's holds; a failed one lets the next try."""
    history = open_history(dataset[0])
    with history.writing():
        notice = notices.Notice("ab12", "slack", "shop-api", "shop-api-00042-abc", "FAIL")
        first = notices.claim(history, notice)
        assert first
        assert notices.claim(history, notice) is None
        notices.give_up(history, notice, first)
        assert notices.claim(history, notice) not in (None, first)
        notices.save(history, notice)
        assert notices.claim(history, notice) is None
        assert notices.sent(history) == {notice.key}

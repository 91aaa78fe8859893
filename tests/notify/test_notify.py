"""`--notify`: each is told once of each deployment and verdict, and no failure of telling changes a verdict."""

import json
import re

import pytest

from pipeline.notify import send
from pipeline.notify.message import Notice, chat
from tests.conftest import call, failing, healthy, ndjson
from tests.report.made_up import full
from tests.servers.receiver import GitHub, Receiver

FAILED, WELL = "FAIL", "PASS"


@pytest.fixture
def quick(monkeypatch):
    """Waits of a hundredth of a second."""
    monkeypatch.setattr(send, "_WAITS_S", (0.01, 0.01, 0.01))


def check(folder, entries, *more):
    """A run on entries, with a store."""
    path = ndjson(folder / "x.ndjson", entries)
    return call("check", path, "--store", folder / "store", *more)


@pytest.mark.parametrize("kind", ["slack", "chat"])
def test_a_chat_gets_few_plain_lines(tmp_path, monkeypatch, kind):
    """The verdict, its cause, what to do with the command, and a link; no mark of a log line does anything."""
    receiver = Receiver()
    with receiver.running() as url:
        monkeypatch.setenv("CHANNEL", f"{url}/services/T0/B0/secret")
        found = check(tmp_path, failing(), "--notify", f"{kind}:CHANNEL")
    assert found.exit_code == 1
    ((method, path, _, body),) = receiver.got
    assert (method, path, list(body)) == ("POST", "/services/T0/B0/secret", ["text"])
    lines = body["text"].split("\n")
    assert lines[0] == "FAIL: shop-api shop-api-00042-abc in europe-west1"
    assert "10 of 40 user requests ended in 5xx" in lines[1]
    assert lines[-1] == "https://console.cloud.google.com/run/detail/europe-west1/shop-api/revisions?project=demo"
    assert len(lines) <= 5
    assert "secret" not in found.output


def test_marks_of_a_chat_are_text():
    """`<!channel>` of a log line, which a headline can quote, calls nobody; nor does a link hide where it leads."""
    verdict = full().model_copy(update={"headline": "FAIL: <!channel> <https://evil.example|x> & more\nFAIL"})
    text = chat(Notice(verdict, "demo", "", None, "Hold <@U1>.", ""))["text"]
    assert text.split("\n")[1:3] == [
        "&lt;!channel&gt; &lt;https://evil.example|x&gt; &amp; more ⏎ FAIL",
        "Hold &lt;@U1&gt;.",
    ]


def test_a_webhook_gets_the_verdict_as_json(tmp_path, monkeypatch):
    """With an id that is also the idempotency key."""
    receiver = Receiver()
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/shop")
    monkeypatch.setenv("GITHUB_RUN_ID", "99")
    with receiver.running() as url:
        monkeypatch.setenv("RUNVERDICT_WEBHOOK", f"{url}/hook?token=t")
        found = check(tmp_path, failing(), "--notify", "webhook", "--format", "json")
    ((_, path, headers, body),) = receiver.got
    verdict = json.loads(found.stdout)
    assert path == "/hook?token=t"
    assert headers["Idempotency-Key"] == body.pop("id")
    assert body.pop("link") == "https://github.example/acme/shop/actions/runs/99"
    assert body == {name: verdict[name] for name in body}
    assert {"service", "revision", "verdict", "headline", "advice", "impact", "window"} <= set(body)
    assert "checks" not in body


def test_nobody_is_told_twice_of_one_verdict(tmp_path, monkeypatch):
    """Once while the verdict stays; again when it changes, of another revision, and on another channel."""
    receiver, other = Receiver(), Receiver()
    with receiver.running() as url, other.running() as second:
        monkeypatch.setenv("RUNVERDICT_SLACK", url)
        monkeypatch.setenv("OTHER", second)
        check(tmp_path, healthy(), "--notify", "slack", "--notify", "slack")
        assert len(receiver.got) == 1
        check(tmp_path, healthy(), "--notify", "slack", "--notify", "slack:OTHER")
        assert (len(receiver.got), len(other.got)) == (1, 1)
        check(tmp_path, [row for row in failing() if row not in healthy()], "--notify", "slack")
        assert [body["text"].split(":")[0] for body in receiver.bodies] == [WELL, FAILED]
        check(tmp_path, healthy(revision="00043-new"), "--notify", "slack")
        assert len(receiver.got) == 3
    assert "shop-api-00043-new" in receiver.bodies[-1]["text"]


def test_history_remembers_where_no_store_lasts(tmp_path, monkeypatch):
    """As in a container, whose store is a temporary one; without either, each run tells."""
    receiver = Receiver()
    path = ndjson(tmp_path / "x.ndjson", healthy())
    with receiver.running() as url:
        monkeypatch.setenv("RUNVERDICT_SLACK", url)
        for _ in range(2):
            call("check", path, "--notify", "slack", "--history", tmp_path / "history")
        assert len(receiver.got) == 1
        call("check", path, "--notify", "slack")
        assert len(receiver.got) == 2


def test_who_is_told_of_what_is_a_setting(tmp_path, monkeypatch):
    """`[notify] on` names the verdicts; an unknown one is a configuration error."""
    receiver = Receiver()
    config = tmp_path / "own.toml"
    config.write_text('[notify]\non = ["FAIL"]\n')
    with receiver.running() as url:
        monkeypatch.setenv("RUNVERDICT_CHAT", url)
        check(tmp_path, healthy(), "--notify", "chat", "--config", config)
        assert receiver.got == []
        check(tmp_path, failing(revision="00043-new"), "--notify", "chat", "--config", config)
        assert len(receiver.got) == 1
    config.write_text('[notify]\non = ["MAYBE"]\n')
    assert check(tmp_path, healthy(), "--config", config).exit_code == 2


@pytest.mark.parametrize(
    ("answers", "kind", "sent", "reason"),
    [
        ([503, 429, 500], "slack", 4, None),
        ([(429, {"Retry-After": "0"})], "slack", 2, None),
        ([503] * 4, "slack", 4, "answered 503, 4 times"),
        ([404], "slack", 1, "answered 404"),
        ([(302, {"Location": "http://127.0.0.1:9/"})], "slack", 1, "answered 302"),
        (["reset"], "slack", 1, "gave no answer; it may have arrived, so it is not sent again"),
        (["reset", "reset"], "webhook", 3, None),
    ],
)
@pytest.mark.usefixtures("quick")
def test_what_fails_is_tried_again_and_changes_no_verdict(tmp_path, monkeypatch, answers, kind, sent, reason):
    """A sentence on stderr without the address; the exit code is the verdict's; the next run tells."""
    receiver = Receiver(*answers)
    with receiver.running() as url:
        monkeypatch.setenv("CHANNEL", f"{url}/secret")
        found = check(tmp_path, failing(), "--notify", f"{kind}:CHANNEL")
        assert (found.exit_code, len(receiver.got)) == (1, sent)
        said = (
            f"--notify {kind}: not told of FAIL of shop-api shop-api-00042-abc: it {reason}; the verdict stays as it is"
        )
        assert (said in found.stderr) == (reason is not None)
        assert "secret" not in found.output
        assert "Traceback" not in found.output
        check(tmp_path, failing(), "--notify", f"{kind}:CHANNEL")
        assert len(receiver.got) == sent + (reason is not None)


@pytest.mark.parametrize("kind", ["slack", "webhook"])
@pytest.mark.parametrize(("entries", "verdict", "code"), [(healthy(), WELL, 0), (failing(), FAILED, 1)])
@pytest.mark.usefixtures("quick")
def test_a_channel_that_hangs_keeps_nobody(tmp_path, monkeypatch, kind, entries, verdict, code):
    """Neither the run nor the other channel; the exit code is the verdict's."""
    monkeypatch.setattr(send, "LIMIT_S", 0.5)
    slow, receiver = Receiver("hang"), Receiver()
    with slow.running() as url, receiver.running() as second:
        monkeypatch.setenv("CHANNEL", url)
        monkeypatch.setenv("RUNVERDICT_CHAT", second)
        found = check(tmp_path, entries, "--notify", f"{kind}:CHANNEL", "--notify", "chat")
    assert (found.exit_code, len(receiver.got)) == (code, 1)
    assert f"--notify {kind}: not told of {verdict}" in found.stderr
    assert "it gave no answer within 0.5 s; the verdict stays as it is" in found.stderr


@pytest.mark.usefixtures("quick")
def test_an_address_where_nobody_is(tmp_path, monkeypatch):
    """Tried again, for nothing can have arrived."""
    monkeypatch.setenv("RUNVERDICT_SLACK", "http://127.0.0.1:9/secret")
    found = check(tmp_path, healthy(), "--notify", "slack")
    assert found.exit_code == 0
    assert "it was not reached, 4 times" in found.stderr
    assert "secret" not in found.output


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        ("pager", None, "--notify 'pager' is not known; there are: slack, chat, webhook, github, metrics:PATH"),
        ("slack", None, "--notify slack: the environment variable RUNVERDICT_SLACK is not set"),
        ("slack:OWN", None, "--notify slack: the environment variable OWN is not set"),
        ("slack:https://hooks.slack.com/x", None, "the name of an environment variable, not the secret itself"),
        ("slack", "http://hooks.example.com/secret", "RUNVERDICT_SLACK does not hold an https:// address"),
        ("slack", "secret", "RUNVERDICT_SLACK does not hold an https:// address"),
        ("metrics", None, "--notify metrics needs a file: metrics:PATH"),
        ("github", None, "--notify github: the environment variable GITHUB_TOKEN is not set"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_before_anything_is_read(tmp_path, monkeypatch, word, value, said):
    """Exit code 2, and no secret in the message."""
    for name in ("RUNVERDICT_SLACK", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    if value:
        monkeypatch.setenv("RUNVERDICT_SLACK", value)
    found = call("check", tmp_path / "not there.ndjson", "--notify", word)
    assert (found.exit_code, said in found.stderr) == (2, True)
    assert "secret/" not in found.output
    assert "hooks." not in found.output


def on_github(monkeypatch, url, tmp_path, **event):
    """The environment of GitHub Actions for a pull request."""
    (tmp_path / "event.json").write_text(json.dumps(event))
    for name, value in {
        "GITHUB_TOKEN": "ghs_secret",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_API_URL": url,
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_SHA": "5c2d7a1f",
        "GITHUB_REF": "refs/heads/main",
    }.items():
        monkeypatch.setenv(name, value)


def test_a_pull_request_has_one_comment_that_is_written_anew(tmp_path, monkeypatch):
    """Whatever stands before it, on a second page too; the token is in the header alone."""
    github = GitHub(comments=[f"remark {n}" for n in range(120)])
    with github.running() as url:
        on_github(monkeypatch, url, tmp_path, pull_request={"number": 7})
        check(tmp_path, healthy(), "--notify", "github")
        found = check(tmp_path, [row for row in failing() if row not in healthy()], "--notify", "github")
        check(tmp_path, healthy(service="cart"), "--service", "cart", "--notify", "github")
    bodies = [one["body"] for one in github.comments.values()]
    assert len(bodies) == 122
    assert re.match(r"<!-- runverdict [0-9a-f]{16} -->\n# FAIL: ", bodies[120])
    assert re.match(r"<!-- runverdict [0-9a-f]{16} -->\n# PASS", bodies[121])
    assert all(headers["Authorization"] == "Bearer ghs_secret" for _, _, headers, _ in github.got)
    assert "ghs_secret" not in found.output + json.dumps(bodies)


@pytest.mark.parametrize(("pulls", "said"), [([7, 8], None), ([], "it has no pull request of this commit")])
def test_a_push_is_told_at_the_pull_request_of_its_commit(tmp_path, monkeypatch, pulls, said):
    """The deployment runs after the merge: the event names no pull request."""
    github = GitHub(pulls=pulls)
    with github.running() as url:
        on_github(monkeypatch, url, tmp_path, after="5c2d7a1f")
        found = check(tmp_path, healthy(), "--notify", "github")
    assert (len(github.comments), found.exit_code) == (1 if pulls else 0, 0)
    assert said is None or said in found.stderr


SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (-?[0-9.e+-]+)')


def test_metrics_are_open_metrics(tmp_path):
    """Each family once with its type before its samples, `# EOF` at the end; the file is whole and always current."""
    path = tmp_path / "metrics/runverdict.prom"
    path.parent.mkdir()
    for entries, code in ((healthy(), 0), ([row for row in failing() if row not in healthy()], 1)):
        assert check(tmp_path, entries, "--notify", f"metrics:{path}").exit_code == code
    lines = path.read_text().splitlines()
    assert lines[-1] == "# EOF"
    family, values = "", {}
    for text in lines[:-1]:
        if text.startswith("# "):
            family = text.split()[2]
            continue
        match = SAMPLE.fullmatch(text)
        assert match, text
        assert match[1] == family
        values[family, *re.findall(r'(?:runverdict_verdict|q)="([^"]*)"', match[2])] = float(match[3])
    types = [text.split()[2:] for text in lines if text.startswith("# TYPE")]
    assert len(types) == len(dict(types)) == 4
    assert [values["runverdict_verdict", name] for name in ("PASS", "WARN", "INCONCLUSIVE", "FAIL")] == [0, 0, 0, 1]
    assert (values["runverdict_user_requests",], values["runverdict_user_requests_failed",]) == (50, 10)
    assert 0.01 < values["runverdict_user_latency_seconds", "0.5"] < 0.1
    found = check(tmp_path, healthy(), "--notify", "metrics:/proc/none/x")
    assert "--notify metrics: not told of" in found.stderr

"""Of runs that end at the same moment one tells, wherever history is kept; what a killed one claimed is sent again."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from pipeline.stores import notices
from pipeline.stores.elsewhere import open_history
from pipeline.stores.local import LocalStore
from tests.conftest import ROOT, RUNVERDICT, call, failing, ndjson
from tests.servers.cloud_storage import CloudStorage
from tests.servers.receiver import Receiver

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

NOTICE = notices.Notice("ab12", "slack", "shop-api", "shop-api-00042-abc", "FAIL")

#: A process that claims twenty notices when it is let go, and prints which it got.
CLAIM = """
import sys
from pipeline.stores.elsewhere import open_history
from pipeline.stores import notices
history = open_history(sys.argv[1], None, sys.argv[2] or None)
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    if notices.claim(history, notices.Notice(f"{number:04x}", "slack", "s", "r", "FAIL")):
        print(number, flush=True)
"""


def claimed(address, url, workers):
    """The notices that processes got which were let go together."""
    command = [sys.executable, "-c", CLAIM, address, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen(command, **pipes) for _ in range(workers)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * workers
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return sorted(int(line) for process in processes for line in process.communicate()[0].split())


def test_processes_get_each_claim_once(tmp_path):
    """In a folder."""
    assert claimed(str(tmp_path / "history"), "", 3) == list(range(20))


@pytest.mark.full
def test_processes_get_each_claim_once_in_cloud_storage():
    """An object is created only where there is none."""
    with CloudStorage().running() as url:
        assert claimed("gs://ops/history", url, 4) == list(range(20))


@pytest.mark.full
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_doubled_jobs_tell_once(tmp_path, monkeypatch, kind):
    """Four whole runs of one deployment side by side, as four events start them."""
    path, receiver, cloud = ndjson(tmp_path / "x.ndjson", failing()), Receiver(), CloudStorage()
    with receiver.running() as hook, cloud.running() as url:
        monkeypatch.setenv("RUNVERDICT_SLACK", hook)
        history = str(tmp_path / "history") if kind == "folder" else "gs://ops/history"
        words = ["check", str(path), "--history", history, "--api-endpoint", url, "--notify", "slack"]
        processes = [subprocess.Popen([RUNVERDICT, *words], stdout=subprocess.DEVNULL) for _ in range(4)]
        assert [process.wait() for process in processes] == [1] * 4
        assert call(*words).exit_code == 1
    assert len(receiver.got) == 1


@pytest.fixture(params=["folder", "store", "bucket"])
def history(tmp_path, request):
    """Each place of history on this machine."""
    if request.param == "folder":
        yield open_history(str(tmp_path / "history"))
    elif request.param == "store":
        yield LocalStore(tmp_path / "store")
    else:
        with CloudStorage().running() as url:
            yield open_history("gs://ops/history", None, url)


def test_a_claim_holds_until_it_is_given_up(history):
    """While it is sent nobody else sends it, nor when it was; a failure lets the next run try."""
    first = notices.claim(history, NOTICE)
    assert first
    assert notices.claim(history, NOTICE) is None
    assert notices.sent(history) == set()
    notices.give_up(history, NOTICE, first)
    second = notices.claim(history, NOTICE)
    assert second not in (None, first)
    assert notices.claim(history, NOTICE) is None
    notices.save(history, NOTICE)
    assert notices.sent(history) == {NOTICE.key}
    assert notices.claim(history, NOTICE) is None


def test_what_a_killed_run_claimed_is_sent_again(history, monkeypatch):
    """Ten minutes later: whether it arrived nobody knows, and a FAIL that is told twice is the lesser harm."""
    first = notices.claim(history, NOTICE)
    assert notices.claim(history, NOTICE) is None
    monkeypatch.setattr(notices, "STALE", timedelta(seconds=-1))
    assert notices.claim(history, NOTICE) not in (None, first)


def test_threads_get_it_once(tmp_path):
    """Sixteen at a time."""
    store = LocalStore(tmp_path / "store")
    with ThreadPoolExecutor(16) as workers:
        claims = list(workers.map(lambda _: notices.claim(store, NOTICE), range(16)))
    assert sum(claim is not None for claim in claims) == 1


def test_a_history_that_refuses_claims_keeps_nobody_from_telling(tmp_path, monkeypatch):
    """It is said that others may tell too."""
    (tmp_path / "history").mkdir()
    (tmp_path / "history/notices").touch()  # where a folder should be
    receiver = Receiver()
    with receiver.running() as hook:
        monkeypatch.setenv("RUNVERDICT_SLACK", hook)
        path = ndjson(tmp_path / "x.ndjson", failing())
        shown = call("check", path, "--history", tmp_path / "history", "--notify", "slack")
    assert (shown.exit_code, len(receiver.got)) == (1, 1)
    assert "so it may be told twice" in shown.stderr

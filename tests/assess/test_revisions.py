"""Which revisions are judged, and under which names their files stand."""

import json

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.assess.revisions import baseline_before, file_name, select
from pipeline.text import harmless
from tests.conftest import call, healthy, line, ndjson, request

COUNTS = dict.fromkeys(("entries", "deploys", "starts", "bad_exits", "request_rows"), pl.Int64)
SCHEMA = {
    **dict.fromkeys(("project", "location", "workload", "service", "revision"), pl.String),
    **COUNTS,
    "ready_ns": pl.Int64,
    "first_ns": pl.Int64,
}
AUDIT = "cloudaudit.googleapis.com%2Fsystem_event"


def frame(*rows):
    """The measure `revisions`: rows, each with what it differs in from an active one."""
    plain = {
        "project": "p",
        "location": "l",
        "workload": "service",
        "service": "shop",
        "entries": 10,
        "request_rows": 30,
        "first_ns": 0,
    }
    return pl.DataFrame([{**dict.fromkeys(SCHEMA), **dict.fromkeys(COUNTS, 0), **plain, **row} for row in rows], SCHEMA)


def of(*rows, service=None, revision="newest"):
    """The revisions chosen among rows."""
    return select(frame(*rows), service=service, revision=revision)


def names(selection):
    return [target.revision for target in selection.targets]


A, B, C = ("shop-00009-aaa", "shop-00010-aaa", "shop-00011-aaa")


@pytest.mark.parametrize(
    ("rows", "newest"),
    [
        ([(A, 5, 0), (B, 9, 0)], B),
        ([(A, 9, 0), (B, 5, 0)], A),
        ([(A, None, 0), (B, None, 0)], B),
        ([(A, None, 9), (B, None, 0)], B),
        ([(A, 9, 0), (B, None, 0)], B),
        ([(A, None, 0), (B, 9, 0)], B),
        ([(A, 9, 0), (B, 5, 0), (C, None, 0)], C),
        ([("blue", None, 5), ("green", None, 7)], "green"),
        ([("blue", 9, 5), ("green", None, 7)], "blue"),
        ([("blue", None, None), ("green", None, 7)], "green"),
        ([("green", None, None), ("blue", None, 1)], "blue"),
        ([("blue", None, 7), ("green", None, 7)], "green"),
        ([("x-00100-aaa", None, 0), ("x-00020-aaa", None, 9)], "x-00100-aaa"),
    ],
    ids=[
        *("later Ready", "Ready before number", "number", "number before first entry", "a higher one not Ready yet"),
        *(
            "a lower one not Ready",
            "the highest not Ready yet",
            "first entry",
            "Ready before none",
            "no time at all",
            "a time above none",
        ),
        *("a tie goes to the name", "numbers are numbers"),
    ],
)
def test_the_newest(rows, newest):
    """By Ready time, else by number, else by the first entry; a higher number that is not Ready is newer still."""
    found = of(*({"revision": name, "ready_ns": ready, "first_ns": first} for name, ready, first in rows))
    assert names(found) == [newest]
    assert names(of(*({"revision": n, "ready_ns": r, "first_ns": f} for n, r, f in reversed(rows)))) == [newest]


def test_where_the_newest_got_no_request_both_are_judged():
    """The one that served stands beside it; `serving` asks for that one, a name for any."""
    rows = [{"revision": A, "request_rows": 1}, {"revision": B, "request_rows": 0, "starts": 1}]
    assert [(one.revision, one.served_by) for one in of(*rows).targets] == [(B, A), (A, None)]
    assert names(of(*rows, revision="serving")) == [A]
    assert names(of(*rows, revision=B)) == [B]
    assert names(of(*rows, revision=C)) == []
    assert names(of({"revision": B, "request_rows": 0, "starts": 1}, revision="serving")) == [B]


def test_which_services_are_judged():
    """A deploy, a start, a crash or 20 requests; the rest is listed with its entries."""
    rows = [
        {"service": "deployed", "revision": "d", "request_rows": 0, "deploys": 1},
        {"service": "started", "revision": "s", "request_rows": 0, "starts": 1},
        {"service": "crashed", "revision": "c", "request_rows": 0, "bad_exits": 1},
        {"service": "busy", "revision": "b", "request_rows": 12},
        {"service": "busy", "revision": "a", "request_rows": 8},
        {"service": "quiet", "revision": "q", "request_rows": 19, "entries": 7},
        {"service": "quiet", "revision": None, "request_rows": 0, "entries": 4},
        {"service": "nameless", "revision": None, "deploys": 1, "entries": 3},
        {"service": None, "revision": None, "starts": 5},
    ]
    found = of(*rows)
    assert {one.service for one in found.targets} == {"deployed", "started", "crashed", "busy"}
    assert found.others == {"nameless": 3, "quiet": 11}
    only = of(*rows, service="quiet")
    assert names(only) == ["q"]
    assert set(only.others) == {"busy", "crashed", "deployed", "nameless", "started"}
    assert of(*rows, service="none of them").targets == []


def test_where_none_is_active_every_one_is_judged():
    """Some verdict is better than none: it will say that there is too little."""
    found = of(
        {"service": "a", "revision": "x", "request_rows": 1}, {"service": "b", "revision": "y", "request_rows": 0}
    )
    assert names(found) == ["x", "y"]
    assert found.others == {}


def test_folders_of_services_that_share_a_name():
    """Two locations are SERVICE@LOCATION; where these tie too, the project follows; one is plain.

    By project, location and name, those without a location last.
    """
    rows = [
        {"revision": A, "location": "eu"},
        {"revision": A, "location": "us"},
        {"revision": A, "location": "us", "project": "q"},
        {"revision": A, "location": None},
        {"revision": "cart-00001-aaa", "service": "cart"},
    ]
    paths = [target.path for target in of(*rows).targets]
    assert paths == [
        f"shop@eu/{A}",
        "cart/cart-00001-aaa",
        f"shop@us@p/{A}",
        f"shop@%/{A}",
        f"shop@us@q/{A}",
    ]
    others = of(*({**row, "request_rows": 0} for row in rows[:2]), {"service": "x", "revision": "x"}).others
    assert others == {"shop": 20}


def test_two_services_of_one_name_stand_by_their_location():
    """Two are enough; one of another workload shares the name with none."""
    rows = [{"revision": A, "location": at} for at in ("eu", "us")]
    assert [target.path for target in of(*rows).targets] == [f"shop@eu/{A}", f"shop@us/{A}"]
    assert [target.path for target in of(rows[0], {**rows[1], "workload": "worker_pool"}).targets] == [
        *(f"shop/{A}", f"shop@worker_pool/{A}"),
    ]


def test_names_that_are_redacted_to_the_same_are_numbered():
    """The second, the third."""
    rows = [{"service": name, "revision": f"<email>#{digit * 12}"} for name in ("a", "b") for digit in "123"]
    paths = [target.path for target in of(*rows, revision="every").targets]
    assert paths == [f"{name}/%3Cemail%3E{end}" for name in "ab" for end in ("", "~2", "~3")]


HOSTILE = ["../../x", "..", ".", "/etc/passwd", "a/b", "new\nline", "nul\0", "é" * 150, "x" * 300, "~", "a@b", "%2e"]


def test_a_hostile_name_stays_inside_of_out(tmp_path):
    """Whatever a service or a revision is called, its files stand two folders below OUT and nowhere else."""
    out = tmp_path / "deep" / "out"
    entries = [request(second, service=name) for name in HOSTILE for second in range(1, 90, 4)]
    result = call("check", ndjson(tmp_path / "x.ndjson", entries), "--out", out, "--format", "json")
    assert result.exit_code == 0, result.stderr
    services = json.loads((out / "summary.json").read_text())["services"]
    assert sorted(found["service"] for found in services) == sorted(map(harmless, HOSTILE))
    for found in services:
        path = out / found["path"]
        assert path.resolve().relative_to(out.resolve()).parts[2:] == ("verdict.json",)
        document = json.loads(path.read_text())
        assert (document["service"], document["revision"]) == (found["service"], f"{found['service']}-00042-abc")
    assert len([path for path in out.rglob("*") if path.is_file()]) == len(HOSTILE) + 1
    assert {path.name for path in tmp_path.iterdir()} == {"deep", "x.ndjson"}


@given(st.text(max_size=260))
@example("..")
@example("x" * 400)
def test_a_file_name_is_one_harmless_component(text):
    """No separator, no dots alone, never empty, short enough, in plain ASCII."""
    name = file_name(text)
    assert 0 < len(name) <= 255
    assert name not in (".", "..")
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-%")


@given(st.lists(st.text(max_size=5) | st.text("x./%", min_size=198, max_size=202), max_size=8, unique=True))
def test_different_names_have_different_files(texts):
    """No service overwrites another one's verdict."""
    assert len({file_name(text) for text in texts}) == len(texts)


def test_ordinary_names_stay_as_they_are():
    """What Cloud Run allows needs no encoding."""
    assert file_name("shop-api-00042-abc") == "shop-api-00042-abc"
    assert file_name("a" * 63) == "a" * 63


def test_ready_is_read_from_the_audit_log(tmp_path):
    """The platform's own word on what is newest, end to end: a lower number that became Ready last is judged."""

    def ready(second, revision):
        status = {"message": f"Ready condition status changed to True for Revision {revision}."}
        proto = {"status": status, "resourceName": f"namespaces/demo/revisions/{revision}"}
        return line(second, "", textPayload=None, protoPayload=proto, log=AUDIT, revision=revision[-9:])

    entries = [*healthy(), *healthy(revision="00041-abc")]
    logs = ndjson(tmp_path / "x.ndjson", [*entries, ready(1, "shop-api-00042-abc"), ready(50, "shop-api-00041-abc")])
    document = json.loads(call("check", logs, "--format", "json").stdout)
    assert document["revision"] == "shop-api-00041-abc"


def test_the_baseline_is_the_revision_that_served_before():
    """Not the oldest that served, and none that had too few requests while another had enough."""
    rows = [{"revision": name, "ready_ns": ready} for ready, name in enumerate((A, B, C))]
    assert of(*rows).targets[0].baseline == B
    rows[1]["request_rows"] = 3
    assert of(*rows).targets[0].baseline == A


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [
        ([(A, 0), (B, 20), (A, 59), (C, 60)], A),  # B was rolled back
        ([(A, 0), (B, 59), (C, 60)], B),
        ([(A, 0), (B, 20), (A, 59), (C, 60), (B, 80)], A),  # what came after C began does not matter
        ([(A, 60), (B, 59), (C, 60)], B),  # they share the traffic
        ([(A, 59), (B, 57), (C, 60)], A),
        ([(A, 60), (B, 57), (C, 60)], A),  # A served to the end
        ([(A, 0), (B, 20), (A, 59)], A),  # C has no users yet
        ([], B),
    ],
)
def test_after_a_rollback_the_baseline_is_what_served_in_its_place(minutes, wanted):
    """In files too: the newest older revision is the bad one."""
    rows = frame(*({"revision": name, "ready_ns": at} for at, name in enumerate((A, B, C))))
    target = select(rows, service=None, revision="newest", served=served(*minutes)).targets[0]
    assert (target.revision, target.baseline) == (C, wanted)


def test_a_rollback_in_a_file(tmp_path):
    """End to end: one bad revision between, and the verdict compares with the good one."""
    entries = [
        *(request(second, revision="00041-abc") for second in range(0, 120, 4)),
        *(request(second, 500, revision="00042-abc") for second in range(120, 240, 4)),
        *(request(second, revision="00041-abc") for second in range(240, 480, 4)),
        *(request(second, revision="00043-abc") for second in range(480, 600, 4)),
    ]
    document = json.loads(call("check", ndjson(tmp_path / "x.ndjson", entries), "--format", "json").stdout)
    assert (document["revision"], document["baseline"]) == ("shop-api-00043-abc", "shop-api-00041-abc")


@pytest.mark.parametrize(("requests", "wanted"), [(19, A), (20, None), (0, A)])
def test_the_time_before_gives_the_baseline_where_the_window_has_too_little_of_it(requests, wanted):
    """Twenty requests of the older revision in the window are enough; what happened to others does not matter."""
    window = frame({"revision": B}, {"revision": A, "request_rows": requests})
    before = frame({"revision": A, "request_rows": 500}, {"revision": A, "service": "cart"}, {"revision": B})
    (target,) = [one for one in select(window, service=None, revision="newest").targets if one.revision == B]
    nothing = served()
    assert baseline_before(before, window, target, served=nothing) == wanted
    assert baseline_before(before.filter(service="cart"), window, target, served=nothing) is None


def served(*rows):
    """The measure `minutes`: revisions with minutes in which they had user requests."""
    schema = dict.fromkeys(("project", "location", "workload", "service", "revision"), pl.String)
    full = [("p", "l", "workload", "shop", *row) for row in rows]
    frame = pl.DataFrame(full, {**schema, "minute": pl.Int64}, orient="row")
    return frame.with_columns(workload=pl.lit("service"))


@pytest.mark.parametrize(
    ("minutes", "wanted"),
    [
        ([(A, 0), (B, 20), (A, 59)], A),  # B was rolled back
        ([(A, 0), (B, 59)], B),
        ([(A, 59), (B, 58)], B),  # they share the traffic
        ([(A, 59), (B, 57)], A),
        ([], B),
    ],
)
def test_a_revision_that_was_rolled_back_is_no_baseline(minutes, wanted):
    """The one that serves in its place is older: what counts is who served users last."""
    window = frame({"revision": C, "ready_ns": 99})
    before = frame({"revision": A, "ready_ns": 1}, {"revision": B, "ready_ns": 2})
    (target,) = select(window, service=None, revision="newest").targets
    assert baseline_before(before, window, target, served=served(*minutes)) == wanted

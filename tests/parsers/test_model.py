"""Reading packs: bad ones are refused with file, line and event, all problems at once."""

import re
from textwrap import dedent

import pytest

from parsers.errors import CatalogueError, RunverdictError
from parsers.model import WHERE_COLUMNS, load

GOOD = """\
    [pack]
    title = "Shop"
    group = "service"

    ["shop.started"]
    meaning = "The shop opened."
    outcome = "ok"
    source = "the shop"
    fields.port = { type = "int", unit = "1", meaning = "port" }
    near_misses = ["shop closed"]

    [["shop.started".match]]
    literal = "shop opened"
    pattern = 'shop opened(?: on port (?P<port>[0-9]+))?'

    [["shop.started".example]]
    line = "shop opened on port 8080"
    want = { port = "8080" }
"""


TYPES = "'int', 'float', 'text', 'duration', 'code', 'subject', 'request_id' or 'correlation_id'"
EMPTY = "empty string; make the group optional and its body not"


@pytest.fixture
def folder(tmp_path):
    """A folder of packs; `folder(name=text)` writes them."""

    def write(**packs):
        for name, text in packs.items():
            (tmp_path / f"{name}.toml").write_text(dedent(text), encoding="utf-8")
        return tmp_path

    return write


def problems(folder, packs=()):
    """What load says, as (file, line, event, text)."""
    with pytest.raises(CatalogueError) as caught:
        load(packs, [folder])
    return [(p.path.removeprefix(f"{folder}/"), p.line, p.event, p.text) for p in caught.value.problems]


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_users_pack_is_loaded_beside_ours(folder):
    """Its events, its title and where its blocks stand."""
    ours = load()
    both = load(None, [folder(shop=GOOD)])
    assert {event.name for event in both.events} == {event.name for event in ours.events} | {"shop.started"}
    assert both["shop.started"].pack == "shop"
    assert both.titles["shop"] == "Shop"
    assert both.origins["shop.started"] == (str(folder() / "shop.toml"), 5)
    assert [event.name for event in both.events] == sorted(event.name for event in both.events)
    assert both.digest != ours.digest == load().digest


def test_general_loads_the_general_packs_only():
    """Those of platforms and languages; the seed service's are left out."""
    found = {event.pack for event in load(["general"]).events}
    assert {"cloud_run", "requests", "audit", "python", "node", "go", "java"} <= found
    assert not {"auth", "database", "websocket", "agents", "expected"} & found


def test_packs_are_named_one_by_one(folder):
    """And a user's own are loaded whatever is named."""
    catalogue = load(["audit"], [folder(shop=GOOD)])
    assert {event.pack for event in catalogue.events} == {"audit", "shop"}


def test_the_digest_tells_rules_not_files(folder):
    """A comment or another file name changes nothing, a pattern does."""
    digest = load([], [folder(shop=GOOD)]).digest
    (folder() / "shop.toml").rename(folder() / "store.toml")
    assert load([], [folder(store="# note\n" + dedent(GOOD))]).digest == digest
    assert load([], [folder(store=changed("8080", "8081"))]).digest != digest


ONE_BLOCK = {
    "unknown key": ('near_misses = ["shop closed"]', "near_mises = []", 5, "near_mises: unknown key"),
    "unknown key of a match": (
        "literal = ",
        'literals = ["x"]\n    literal = ',
        12,
        "match.0.literals: unknown key",
    ),
    "unknown key of an example": ('line = "shop', 'lines = "x"\n    line = "shop', 16, "example.0.lines: unknown key"),
    "a key that is ours": ('meaning = "The', 'pack = "x"\n    meaning = "The', 5, "unknown key 'pack'"),
    "unknown outcome": (
        'outcome = "ok"',
        'outcome = "fine"',
        5,
        "outcome: Input should be 'ok', 'info', 'degraded', 'failure' or 'critical'",
    ),
    "missing meaning": ('meaning = "The shop opened."\n', "", 5, "meaning: Field required"),
    "unknown field type": (
        'type = "int"',
        'type = "number"',
        5,
        f"fields.port.type: Input should be {TYPES}",
    ),
    "short literal": ('"shop opened"\n', '"sh"\n', 12, "match.0.literal: String should have at least 3 characters"),
    "literal that need not stand there": (
        '"shop opened"\n',
        '"8080"\n',
        12,
        "the literal '8080' need not stand in a match of the pattern",
    ),
    "undeclared field": (
        "port>",
        "door>",
        12,
        "field 'door' is captured, not declared: fields.door = {…}",
    ),
    "empty field": (
        "[0-9]+",
        "[0-9]*",
        12,
        f"field 'port' can be the {EMPTY}",
    ),
    "look-behind": (
        "'shop opened(",
        "'(?<=the )shop opened(",
        12,
        "look-around exists in neither engine",
    ),
    "no pattern at all": (
        "'shop opened(",
        "'shop opened)(",
        12,
        "not a pattern: unbalanced parenthesis at position 11",
    ),
    "back-reference": ("))?'", "))?\\1'", 12, "back-references exist in neither engine"),
    "outcome of no field": (
        "fields.port",
        'outcomes.door = { 1 = "ok" }\n    fields.port',
        5,
        "outcomes: 'door' is no field",
    ),
    "unknown column": (
        "near_misses",
        "where = { status = 500 }\n    near_misses",
        5,
        f"where: no column 'status'; there are: {', '.join(sorted(WHERE_COLUMNS))}",
    ),
    "text for a number": (
        "near_misses",
        'where = { http_status = "500" }\n    near_misses',
        5,
        "where: http_status is compared with numbers, not with '500'",
    ),
    "number for a text": (
        "near_misses",
        "where = { http_path = [1, 2] }\n    near_misses",
        5,
        "where: http_path is compared with text, not with [1, 2]",
    ),
    "unit of a duration": (
        'type = "int", unit = "1"',
        'type = "duration", unit = "min"',
        5,
        "fields.port: the unit of a duration is ms or s, not 'min'",
    ),
    "path of the payload": (
        "literal = ",
        'on = "error.type"\n    literal = ',
        12,
        r"match.0.on: String should match pattern '^\$(\.[A-Za-z_][A-Za-z0-9_]*)+$'",
    ),
}


@pytest.mark.parametrize("case", ONE_BLOCK)
def test_a_bad_block_is_refused_with_its_place(folder, case):
    """File, line of the block or of its match, event, and what to change; and nothing else."""
    old, new, line, text = ONE_BLOCK[case]
    assert problems(folder(shop=changed(old, new))) == [("shop.toml", line, "shop.started", text)]


def test_a_block_without_match_and_where_is_refused(folder):
    """Nothing could ever be that event."""
    text = GOOD[: GOOD.index('    [["shop.started".match]]')].replace("fields.port", "#")
    assert problems(folder(shop=text)) == [("shop.toml", 5, "shop.started", "needs a [[match]] or a `where`")]


@pytest.mark.parametrize(
    ("name", "line"),
    [('["shop"]', 5), ('["Shop.Started"]', 5), ("[shop.started]", 5), ('["shop started"]', 5), ('["shop."]', 5)],
)
def test_an_events_name_is_family_and_what_happened(folder, name, line):
    """Quoted, so that TOML does not take the dot for a table in a table."""
    text = f'[pack]\ntitle = "x"\n\n\n{name}\nmeaning = "x"\n'
    ((file, found, _, message),) = problems(folder(shop=text))
    assert (file, found) == ("shop.toml", line)
    assert message == 'an event is a table with a quoted name such as ["family.what_happened"]'


def test_a_name_may_stand_once_over_all_files(folder):
    """The second place is refused and names the first."""
    found = problems(folder(a_shop=GOOD, b_shop="\n" + dedent(GOOD)))
    first = f"{folder() / 'a_shop.toml'}:5"
    assert found == [("b_shop.toml", 6, "shop.started", f"the name stands already at {first}")]


def test_a_name_of_ours_cannot_be_taken(folder):
    """A user's pack adds events, it replaces none."""
    text = GOOD.replace("shop.started", "platform.exit")
    ((file, _, event, message),) = problems(folder(shop=text), packs=None)
    assert (file, event) == ("shop.toml", "platform.exit")
    assert re.fullmatch(r"the name stands already at parsers/catalogue/cloud_run\.toml:[0-9]+", message)


def test_a_double_name_is_seen_where_the_first_is_bad_too(folder):
    """Mending the first must not bring up the second."""
    bad = changed('outcome = "ok"', 'outcome = "fine"')
    assert [line[:3] for line in problems(folder(a_shop=bad, b_shop=GOOD))] == [
        ("a_shop.toml", 5, "shop.started"),
        ("b_shop.toml", 5, "shop.started"),
    ]


def test_an_echo_is_of_an_event(folder):
    """`echo_of` names one that exists."""
    text = changed("near_misses", 'echo_of = "shop.opened"\n    near_misses')
    assert problems(folder(shop=text), packs=None) == [
        ("shop.toml", 5, "shop.started", "echo_of names no event: 'shop.opened'")
    ]


def test_an_echo_of_a_bad_event_is_no_second_problem(folder):
    """The event is there; what is wrong with it is told once."""
    echo = GOOD.replace('"shop.started"', '"shop.echo"').replace("near_misses", 'echo_of = "shop.started"\nnear_misses')
    bad = changed('outcome = "ok"', 'outcome = "fine"')
    assert [line[2] for line in problems(folder(a_shop=bad, echo=echo), packs=None)] == ["shop.started"]


def test_broken_toml_names_its_line(folder):
    """As far as the parser knows it."""
    ((file, line, event, message),) = problems(folder(shop='[pack]\ntitle = "x"\n["shop.started"\n'))
    assert (file, line, event) == ("shop.toml", 3, "")
    assert message.startswith("not TOML: ")


def test_a_file_that_is_not_utf8_is_a_problem_not_a_crash(folder):
    """TOML is UTF-8."""
    (folder() / "shop.toml").write_bytes("[pack]\ntitle = 'Größe'\n".encode("latin-1"))
    ((file, _, _, message),) = problems(folder())
    assert (file, message) == ("shop.toml", "not UTF-8, which TOML is written in: invalid start byte")


def test_a_pack_that_is_no_table_is_a_problem(folder):
    """`pack = …` in place of `[pack]`."""
    assert problems(folder(shop='pack = "shop"\n')) == [
        ("shop.toml", 0, "", "pack is a table: [pack] with title and group")
    ]


def test_an_unknown_pack_is_named_with_those_that_exist():
    """A typing error must not load nothing."""
    with pytest.raises(CatalogueError, match=r"no pack 'clod_run'; there are: .*audit, .*cloud_run, .*general"):
        load(["clod_run", "general"])


def test_a_missing_folder_is_a_problem(tmp_path):
    """The user named it."""
    with pytest.raises(CatalogueError, match=r"no such folder of catalogue packs \(\[catalogue\] paths\)"):
        load([], [tmp_path / "nowhere"])


def test_all_problems_are_told_at_once(folder):
    """Over files, blocks and matches; one run mends them all."""
    two = """\
        ["shop.closed"]
        meaning = "x"
        outcome = "fine"
        source = "x"
        colour = "red"

        [["shop.closed".match]]
        literal = "closed"
        pattern = 'closed'

        [["shop.closed".match]]
        literal = "shut"
        pattern = '(shut)'

        ["shop.burned"]
        meaning = "x"
        outcome = "critical"
        source = "x"

        [["shop.burned".match]]
        literal = "fire"
        pattern = 'fire\\d'

        [["shop.burned".match]]
        literal = "smoke"
        pattern = '(?i)smoke(?=x)'
    """
    path = folder(a_broken="x = [", b_shop=two, c_shop=changed("[0-9]+", "[0-9]*"))
    with pytest.raises(CatalogueError) as caught:
        load(["nothing"], [path, path / "nowhere"])
    found = {(p.path.rsplit("/")[-1], p.line, p.event, p.text.split(":")[0]) for p in caught.value.problems}
    assert found == {
        ("nowhere", 0, "", "no such folder of catalogue packs ([catalogue] paths)"),
        ("[catalogue] packs", 0, "", "no pack 'nothing'; there are"),
        ("a_broken.toml", 1, "", "not TOML"),
        ("b_shop.toml", 1, "shop.closed", "colour"),
        ("b_shop.toml", 1, "shop.closed", "outcome"),
        ("b_shop.toml", 11, "shop.closed", "write (?"),
        ("b_shop.toml", 20, "shop.burned", "write [0-9], [A-Za-z0-9_], [ \\t]"),
        ("b_shop.toml", 24, "shop.burned", "look-around exists in neither engine"),
        ("b_shop.toml", 24, "shop.burned", "no inline flags; write both letters as a class"),
        ("c_shop.toml", 12, "shop.started", f"field 'port' can be the {EMPTY}"),
    }
    assert caught.value.problems == sorted(caught.value.problems)


def test_the_errors_text_has_every_problem(folder):
    """Path, line, event and what to change, one a line."""
    path = folder(shop=changed("[0-9]+", "[0-9]*"))
    with pytest.raises(RunverdictError) as caught:
        load([], [path])
    assert str(caught.value) == (
        "event catalogue: 1 problem\n"
        f"  {path}/shop.toml:12: shop.started: field 'port' can be the empty string; make the group optional and its "
        "body not"
    )

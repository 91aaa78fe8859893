"""Values of arrays, wrappers and texts put together: what is whole, what is broken, and where a chunk may end."""

import tracemalloc
from itertools import chain, repeat

import pytest

from pipeline.sources.files.json_values import Values
from pipeline.sources.records import SourceReport

A, B, C = b'{"insertId":"a"}', b'{"insertId":"b"}', b'{"insertId":"c"}'


def values(*chunks, limit=64 << 20):
    """The records of chunks of bytes, and what was met."""
    report = SourceReport("x")
    return [record for some in Values(iter(chunks), report, limit).frame() for record in some], report


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"[1, 2]", [b"1", b"2"]),
        (b'[1 2 "a" "b"]', [b"1", b"2", b'"a"', b'"b"']),
        (b"[1,x,2]", [b"1", b"x", b"2"]),
        (b"[1.5x]", [b"1.5x"]),
        (b'["x" y, {"insertId":"b"}]', [b'"x"', b"y", B]),
        (b'["x"y, {"insertId":"b"}]', [b'"x"y', B]),
        (b'[{"n":1}x, {"n":2}]', [b'{"n":1}', b"x", b'{"n":2}']),
        (b'[{"n":1}, {"n": oops}, {"n":3}]', [b'{"n":1}', b'{"n": oops}', b'{"n":3}']),
        (b'[[1, 2], "[", []]', [b"[1, 2]", b'"["', b"[]"]),
        (b'[{"n":1}]{"n":2}[{"n":3}][[4]]', [b'{"n":1}', b'{"n":2}', b'{"n":3}', b"[4]"]),
        (b'[\n\n  5\n]\n"a"\n"b"', [b"5", b'"a"', b'"b"']),
        (b'{"n": [1,\n{"m": 2}\n', [b'{"n": [1', b'{"m": 2}']),
        (b'{"a": 1}\n{"b": [2,\n{"c": 3}\n', [b'{"a": 1}', b'{"b": [2', b'{"c": 3}']),
        (b'out, {"insertId":"a"}\n  more\n', [b"out,", A, b"  more"]),
        (b'[INFO] ready\n[{"n":1}]\n', [b"[INFO] ready", b'{"n":1}']),
    ],
)
def test_the_records_of_a_text_wherever_a_chunk_ends(text, wanted):
    """Elements with and without commas, what is broken between them, and lines of text; nothing is missing."""
    for size in range(1, len(text) + 1):
        found, report = values(*pieces(text, size))
        assert (found, report.truncated, report.notes) == (wanted, False, [])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"[1", [b"1"]),
        (b"[tru", [b"tru"]),
        (b'[{"insertId":"a"}', [A]),
        (b'[{"n": [1,', [b'{"n": [1,']),
        (b'{"n": 1}\n{"n": 2,', [b'{"n": 1}', b'{"n": 2,']),
        (b'{"entries":[{"insertId":"a"}], "nex', [A, b'"nex']),
        (b'{"entries": [', [b'{"entries": [']),
    ],
)
def test_a_text_that_is_cut_gives_its_last_part_as_it_stands(text, wanted):
    """And the end is said to be missing."""
    for size in range(1, len(text) + 1):
        found, report = values(*pieces(text, size))
        assert (found, report.truncated) == (wanted, True)


WRAPPERS = {
    "one list": (b'{"entries":[%b]}', [A]),
    "a number and a long text before": (b'{"n": -1.5e3, "x": "%b", "entries": [%%b]}' % (b"x" * 60), [A]),
    "lists of other things beside": (b'{"entries":[%b],"steps":[1, 2],"n":[{"m":1}],"o":{"p":[]}}', [A]),
    "numbers behind": (b'{"entries":[%b],"n":-1.5e3,"m":12.25,"o":[{"p":7}]}', [A]),
    "three objects around": (b'{"x":{"y":{"z":[%b]}}}', [A]),
    "three objects and lists around": (b'{"x":[{"y":[{"z":[%b]}]}]}', [A]),
    "four objects around": (b'{"x":{"y":{"z":{"v":[%b]}}}}', [A]),
    "four objects around, beside one": (b'{"x":[%b],"a":{"b":{"c":{"d":[{"insertId":"b"}]}}}}', [A, B]),
    "a list of an object of an object": (b'{"x":[{"y":{"z":[%b]}}]}', [A]),
    "an object and a list around": (b'{"x":{"y":[{"z":[%b]}]}}', [A]),
    "more lists behind": (b'{"x":[%b],"y":{"z":{"v":[{"insertId":"b"}]}},"w":[{"insertId":"c"}]}', [A, B, C]),
    "five objects around, beside one": (b'{"x":[%b],"a":{"b":{"c":{"d":{"e":[{"insertId":"b"}]}}}}}', [A]),
    "the same, in lists": (b'{"x":[%b],"a":[{"b":[{"c":[{"d":[{"e":[{"insertId":"b"}]}]}]}]}]}', [A]),
    "the same, in a list first": (b'{"x":[%b],"a":[{"b":{"c":{"d":{"e":[{"insertId":"b"}]}}}}]}', [A]),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_gives_its_entries_wherever_a_chunk_ends(name):
    """Up to four objects deep; other members are left out, which is said."""
    form, wanted = WRAPPERS[name]
    text = form % A
    for size in range(1, len(text) + 1):
        found, report = values(*pieces(text, size))
        assert (found, report.truncated, len(report.notes)) == (wanted, False, 1)


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("broken", [b'{"insertId":"a" x}', b'{"insertId":a}'])
def test_a_wrapper_with_a_broken_entry_gives_its_entries(name, broken):
    """The broken one as it stands."""
    form, wanted = WRAPPERS[name]
    text = form % broken
    for size in (1, 2, 7, 30, len(text)):
        found, report = values(*pieces(text, size))
        assert (found, report.truncated, len(report.notes)) == ([broken, *wanted[1:]], False, 1)


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_that_is_cut_gives_its_entries(name):
    """Wherever it ends behind the first of them."""
    text = WRAPPERS[name][0] % A
    for end in range(text.index(A) + len(A), len(text)):
        for size in (7, 30, end):
            found, report = values(*pieces(text[:end], size))
            assert (found[0], report.truncated, len(report.notes)) == (A, True, 1)


@pytest.mark.parametrize(
    "text",
    [
        b'{"n":1,"rows":[{"name":x}]}',
        b'{"n":1,"rows":[x]}',
        b'{"n":1,"rows":x}',
        b'{"n":1 "rows"}',
        b'{"insertId":"a","x":[{"insertId":"b"}],"y":z}',
        b'{"a":{"b":{"c":{"d":{"e":[{"insertId":"b"}]}}}},"y":z}',
        b'{"a":[{"b":[{"c":[{"d":[{"e":[{"insertId":y}]}]}]}]}]}',
    ],
)
def test_a_broken_object_that_is_no_wrapper_is_one_record(text):
    """Without a list of entries, with a key that only an entry has before it, or with too many objects around it."""
    for size in (1, 2, 7, len(text)):
        found, report = values(*pieces(b"[5," + text + b",7]", size))
        assert (found, report.notes) == ([b"5", text, b"7"], [])


LIMIT = 100
LONG = b'{"insertId":"%b"}' % (b"l" * 100)


@pytest.mark.parametrize("size", [1, 7, 30, 64, 1000])
def test_what_is_below_the_limit_is_whole_wherever_it_stands(size):
    """Though what was read so far is above the limit: elements, broken ones, scraps, text and wrappers."""
    broken, text = b'{"insertId": oops %b }' % (b"." * 40), b"word " * 15 + b"end"
    wrapper = b'{"note":"%b","entries":[%b]}' % (b"x" * 60, C)
    found, report = values(
        *pieces(b"[%b,%b,%b,no one knows how long this is,%b]" % (A, B, broken, C), size), limit=LIMIT
    )
    assert (found, report.cut) == ([A, B, broken, b"no one knows how long this is", C], 0)
    found, report = values(*pieces(b"%b\n%b\n%b\n%b\n" % (A, text, text, wrapper), size), limit=LIMIT)
    assert (found, report.cut) == ([A, text, text, C], 0)


@pytest.mark.parametrize("size", [1, 7, 30, 64, 1000])
def test_what_is_above_the_limit_is_cut_and_the_next_is_found(size):
    """An entry like those before it too."""
    found, report = values(*pieces(b"[%b,%b,%b,%b]" % (A, B, LONG, C), size), limit=LIMIT)
    assert (found, report.cut) == ([A, B, LONG[:LIMIT], C], 1)


@pytest.mark.parametrize(
    ("before", "long", "after", "wanted"),
    [
        (b'["a",', b'"%b' % (b"x" * 99), b'yz", 5]', [b"5"]),
        (b'["a",', b'{"n": oops %b' % (b"." * 89), b" }, 5]", [b"5"]),
        (b'["a",', b"x" * 100, b"yz, 5]", [b"5"]),
        (b"", b"x" * 100, b"yz\nnext", [b"next"]),
        (b"", b"x" * 101, b"\nnext", [b"next"]),
        (b"", b"x" * 101, b"yz\nnext", [b"next"]),
        (b"5 5\n", b"x" * 101, b"\n", []),
    ],
)
def test_a_chunk_that_ends_at_the_limit(before, long, after, wanted):
    """What goes on behind it is dropped with it, and counted once."""
    found, report = values(before + long, *pieces(after, 1), limit=LIMIT)
    assert (found[bool(before[1:]) :], report.cut) == ([long[:LIMIT], *wanted], 1)
    assert values(before + long + after, limit=LIMIT)[0] == found
    assert values(before + long, after, limit=LIMIT)[0] == found


def test_a_chunk_that_ends_in_the_key_behind_what_is_cut():
    """The entry is found by its key, for the quote before it is never closed."""
    whole, broken = [A] * 15, b'{"text":"%b' % (b"x" * 150)
    text = b"[" + b",".join([*whole, broken, B, C]) + b"]"
    for border in range(text.index(B), text.index(C)):
        found, report = values(text[:border], text[border:], limit=LIMIT)
        assert (found, report.cut) == ([*whole, broken[:LIMIT], B, C], 1)


def test_a_value_as_long_as_the_limit_is_whole():
    """The first of an array, and one that is like those before it."""
    value = b'{"insertId":"%b"}' % (b"l" * (LIMIT - 15))
    assert len(value) == LIMIT
    found, report = values(b"[%b,%b,%b,%b]" % (value, A, value, B), limit=LIMIT)
    assert (found, report.cut) == ([value, A, value, B], 0)


@pytest.mark.parametrize("start", [b"[", b'{"n": 5, "entries": [', b""])
@pytest.mark.parametrize(
    "element", [b'{"insertId":"a"}', b'"text of no entry"', b"12345678901", b'{"insertId": oops}'], ids=str
)
def test_records_are_given_while_the_stream_goes_on(start, element):
    """However long it is: of a hundred chunks that were read, at least half have been given."""
    separator = b"\n, " if start else b"\n"
    read = []
    chunks = (read.append(chunk) or chunk for chunk in chain([start + A], repeat(separator + element)))
    given = 0
    for some in Values(chunks, SourceReport("x"), 1000).frame():
        given += len(some)
        assert len(read) < 2000
        if len(read) >= 100:
            break
    assert given >= len(read) // 2


@pytest.mark.parametrize("start", [b'[{"x": "', b'[{"x": [', b'["', b"[1]\ntext "])
def test_what_is_above_the_limit_is_not_held(start):
    """2 MB of one record that is cut to 10 kB."""
    chunks = (b"9, " * 1000 for _ in range(700))
    tracemalloc.start()
    records = Values(chain([start], chunks), SourceReport("x"), 10_000).frame()
    found = [record for some in records for record in some]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found[-1]) == 10_000
    assert peak < 500_000


def test_entries_that_were_given_are_not_held():
    """Two hundred pairs of 20 kB each, every one with more brackets in its text than the one before."""
    chunks = (b'{"insertId":"%b"}\n' % (b"[" * (20_000 + number)) * 2 for number in range(200))
    tracemalloc.start()
    given = sum(map(len, Values(chunks, SourceReport("x"), 64 << 20).frame()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert given == 400
    assert peak < 1_000_000


def test_a_bracket_far_into_a_text_waits_for_its_end():
    """So it is seen to begin a line of text."""
    lines = [b"x" * 5000, b"[INFO] ready"]
    assert values(lines[0] + b"\n[INF", b"O] ready\n")[0] == lines


MEBIBYTE = [b'{"insertId":"a%01007d"}' % number for number in range(1 << 10)]


def test_a_name_far_into_a_wrapper_waits_for_its_end():
    """Its chunk ends in it, behind 5 MiB of entries."""
    start = b'{"entries":[' + b",\n".join(MEBIBYTE * 5) + b'],"nextPage'
    found, report = values(start, b'Token":"x"}')
    assert (len(found), report.truncated) == (5 * len(MEBIBYTE), False)


def test_damage_far_into_a_text_costs_as_little_as_at_its_start():
    """Behind 4 MiB and ten broken entries a wrapper is opened."""
    broken = [b'{"insertId": oops}'] * 10
    text = b"[" + b",\n".join([*MEBIBYTE * 4, *broken, b'{"total": 5, "rows": [%b]}' % A]) + b"]"
    assert values(text)[0] == [*MEBIBYTE * 4, *broken, A]

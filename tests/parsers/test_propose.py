"""Blocks for unknown lines: what is fixed, what is a field, what each is worth."""

import json

import polars as pl
import pytest

from parsers.propose import propose
from parsers.signature import signatures
from tests.conftest import call, line, ndjson


def proposed(lines, known=(), good=(), most=20, level="DEFAULT"):
    """The proposals for unknown lines."""
    texts = pl.Series(lines, dtype=pl.String)
    unknown = pl.DataFrame({"text": texts, "level": [level] * len(lines), "signature": signatures(texts, texts)})
    return propose(unknown, pl.Series(known, dtype=pl.String), pl.Series(good, dtype=pl.String), most)


EVICTED = [f"cache evicted {n * 7} entries of shard-{n} in {n}.5ms" for n in range(5)]


def test_what_is_masked_becomes_a_field():
    """Named by the word before it, typed by what its values are; the longest fixed text is the literal."""
    (block,) = proposed(EVICTED)
    assert block.literal == "cache evicted "
    assert block.pattern == (
        r"cache evicted (?P<evicted>[0-9]{1,18}) entries of (?P<of>[^ \r\n]+) in (?P<in>[0-9]+(?:\.[0-9]+)?m?s)"
    )
    assert block.fields == {"evicted": ("int", "1"), "of": ("text", "1"), "in": ("duration", "ms")}
    assert (block.name, block.lines, block.good_lines) == ("app.cache_evicted_entries_of", 5, 0)


def test_lines_that_a_block_would_have_caught_in_good_windows_are_counted():
    """Known lines too."""
    (block,) = proposed(EVICTED, good=[*EVICTED[:2], "cache evicted nothing"])
    assert block.good_lines == 2


def test_lines_that_share_its_words_are_near_misses():
    """Those that it does not match."""
    block = proposed([*EVICTED, "cache evicted nothing"], known=["the cache was evicted", "x"])[0]
    assert block.near_misses == ["cache evicted nothing", "the cache was evicted"]


@pytest.mark.parametrize(("level", "outcome"), [("DEFAULT", "info"), ("WARNING", "degraded"), ("CRITICAL", "failure")])
def test_the_level_proposes_the_outcome(level, outcome):
    """A person decides."""
    assert proposed(EVICTED, level=level)[0].outcome == outcome


def test_the_most_frequent_come_first_and_no_more_than_asked():
    """A line counts for one block."""
    lines = [*EVICTED, *["paid (7 + 1) [x]"] * 9, "seen"]
    found = proposed(lines, most=2)
    assert [(block.pattern.startswith("paid"), block.lines) for block in found] == [(True, 9), (False, 5)]


def test_stack_traces_and_lines_without_fixed_text_are_left_out():
    """The catalogue has the forms of the former; the latter would match everything."""
    assert proposed(["java.lang.E1Exception: x\n\tat com.shop.A.b(A.java:3)", "7", "1 2 3"]) == []


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What `catalogue propose` says of eight lines, two of them with every sign that a pattern could trip over."""
    strange = ["it's {curly} (7) [a|b] ^$ for user 10146348", "tab\there 12 \"quoted 'x'\" é 日本"]
    lines = [line(n, text) for n, text in enumerate([*EVICTED, *strange, "cache evicted nothing"])]
    logs = ndjson(tmp_path_factory.mktemp("logs") / "logs.json", lines)
    found = call("catalogue", "propose", str(logs), "--good", str(logs))
    assert found.exit_code == 0, found.output
    return found


def test_what_is_proposed_says_what_it_explains(printed):
    """Lines that nothing else explained, and those of good windows."""
    assert "4 blocks explain 8 of 8 unknown lines" in printed.stderr
    assert "# explains 5 unknown lines; would have caught 5 lines of good windows" in printed.stdout


def test_what_is_kept_explains_its_lines(printed, tmp_path):
    """Put into a folder as it is printed, the blocks pass `catalogue check`, and the lines are known."""
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "shop.toml").write_text(printed.stdout, encoding="utf-8")
    config = tmp_path / "runverdict.toml"
    config.write_text('[catalogue]\npacks = ["general"]\npaths = ["packs"]\n', encoding="utf-8")
    assert call("catalogue", "check", "--config", str(config)).exit_code == 0
    explained = call("explain", EVICTED[3], "--config", str(config), "--format", "json")
    assert json.loads(explained.stdout)["event"] == "app.cache_evicted_entries_of"

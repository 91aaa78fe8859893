"""No statement makes one worker of BigQuery put a service in order, and each reads its input once.

What is put in order is a minute, an instance, or rows that stand for many: counts by value, minutes, the first of each
minute.
"""

from collections import Counter

import pytest
import sqlglot
from sqlglot import exp

from parsers.model import Catalogue, load
from parsers.to_googlesql import classification
from pipeline import googlesql, statements
from pipeline.googlesql import STAGING, measures, written
from pipeline.run_tables import RunTables, Scope

FILES = [*(f"staging/{name}" for name in STAGING), *(f"measures/{name}" for name in measures())]

#: What tells rows apart within a revision: a partition by one of these is a part of it.
FINE = {"minute", "instance_id", "insert_id", "content", "timestamp", "timestamp_ns", "task"}

#: Files that read a table more than once, how often, and why.
READ_AGAIN = {
    "staging/requests": ({"events": 2}, "the second time only rows of status 101, for the endpoints of WebSockets"),
    "measures/requests": ({"requests": 2}, "clients are counted over the window, and all else by minutes"),
    "measures/executions": ({"events": 3}, "of jobs alone: entries, those of tasks, and those that end an attempt"),
}


def parsed(text):
    return sqlglot.parse_one(text, read="bigquery")


def with_of(select):
    return select.args.get("with_")


def ctes_around(node):
    """The CTEs that a node can name, the nearest of a name first."""
    known = {}
    while node is not None:
        if isinstance(node, exp.Query) and (clause := with_of(node)):
            for cte in clause.expressions:
                known.setdefault(cte.alias, cte.this)
        node = node.parent
    return known


def inputs(select):
    """What a SELECT reads: subqueries, CTEs, or names of tables."""
    known = ctes_around(select.parent)
    if clause := with_of(select):
        known = {**known, **{cte.alias: cte.this for cte in clause.expressions if cte.this is not select}}
    for joined in [select.args.get("from_"), *(select.args.get("joins") or [])]:
        source = joined.this if joined else None
        if isinstance(source, exp.Table):
            own = known.get(source.name) if not source.db else None
            inside = own is not None and any(node is select for node in own.walk())
            yield source.name if own is None or inside else own
        elif isinstance(source, exp.Subquery):
            yield source.this


def is_reduced(query):
    """Whether its rows stand for many: groups, distinct values, or the first of each part."""
    if isinstance(query, str):
        return False
    if isinstance(query, exp.Subquery):
        return is_reduced(query.this)
    if isinstance(query, exp.SetOperation):
        return is_reduced(query.left) and is_reduced(query.right)
    if query.args.get("group") or query.args.get("distinct"):
        return True
    sources = list(inputs(query))
    if (where := query.args.get("where")) and any(takes_the_first(where.this, source) for source in sources):
        return True
    return bool(sources) and is_reduced(sources[0])


def takes_the_first(condition, source):
    """Whether a condition takes the first rows of each part, as a query numbers them."""
    if isinstance(source, str) or not isinstance(source, exp.Select):
        return False
    windows = [(one.alias, one.unalias()) for one in source.expressions if isinstance(one.unalias(), exp.Window)]
    places = {name for name, window in windows if isinstance(window.this, exp.RowNumber) and is_fine(window)}
    limits = condition.find_all(exp.LTE, exp.EQ, exp.LT)
    return any(limit.this.name in places and isinstance(limit.expression, exp.Literal) for limit in limits)


def partition_of(window):
    """The expressions that a window is partitioned by, as a named one says it."""
    if not window.args.get("partition_by") and (name := window.args.get("alias")):
        select = window.find_ancestor(exp.Select)
        named = next(one for one in select.args.get("windows") or [] if one.name == name.name)
        return named.args["partition_by"]
    return window.args.get("partition_by") or []


def is_fine(window):
    keys = partition_of(window)
    return any(column.name in FINE for key in keys for column in [key, *key.find_all(exp.Column)])


def faults(text):
    """Windows that put in order, or take together, the rows of a whole revision, service or statement."""
    tree = parsed(text)
    found = []
    for window in tree.find_all(exp.Window):
        if isinstance(window.parent, exp.Select) and window.arg_key == "windows":
            continue  # where it is named; it counts where it is used
        keys, select = partition_of(window), window.find_ancestor(exp.Select)
        if not keys or not (is_reduced(select) or is_fine(window)):
            found.append(window.sql("bigquery"))
    return found


def scans(query, outer=None):
    """How often each table is read once every CTE stands where it is named."""
    known = dict(outer or {})
    own = {cte for clause in [with_of(query)] if clause for cte in clause.expressions}
    for cte in sorted(own, key=lambda one: one.index):
        known[cte.alias] = scans(cte.this, known)
    total = Counter()
    for table in query.find_all(exp.Table):
        if not any(node in own for node in ancestors(table, query)):
            total += known[table.name] if table.name in known and not table.db else Counter([table.name])
    return total


def ancestors(node, top):
    while node is not top:
        yield node
        node = node.parent


def every_statement():
    """What `runverdict sql` prints, and what a run sends beside: all that reads or writes a table."""
    catalogue = Catalogue(load(["cloud_run"]).events[:4], {}, {})
    for name, _ in statements.questions():
        yield name, statements.named(name, "`p.d.{}`".format, 0, 1, catalogue, 30)
    tables = RunTables("`p.d.run_{}`".format)
    source = googlesql.source([googlesql.LogTable("`p.d.stderr`")], 0, 1)
    entries = "`p.d.entries`"
    yield "classify, two sinks", tables.classify(catalogue, None, [source, source], (0, 1), 0)
    yield "gather", tables.gather(entries, [source], (0, 1))
    yield "search", tables.search(catalogue)
    yield "classify what was searched", tables.classify_searched(catalogue, 1, 0)
    for name in measures():
        yield f"{name} of the window", tables.measure(name, Scope(0, 1, (2,), 1))
        yield f"{name} as written", googlesql.measure(name, entries)
    for name in STAGING:
        yield f"{name} as written", googlesql.staged(f"select * from {name}", entries)
    yield "classification", classification(catalogue, ["event"], "(select * from t)")
    yield "extent", googlesql.extent(entries)
    yield "finer", googlesql.finer(entries, "`p.d.rows`", 0, 1)
    yield "replace_run", googlesql.replace_run("verdicts", "`p.d.verdicts`", "`p.d.rows`", "ab")
    yield "create_run", googlesql.create_run("verdicts", "`p.d.verdicts`", "`p.d.rows`", "ab")
    yield "merge, no updates", googlesql.merge(entries, "select 1", None, None, updates=False, undated=True)


STATEMENTS = dict(every_statement())


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_puts_a_whole_service_in_order(name):
    """Of all statements, without an exception."""
    assert faults(STATEMENTS[name]) == []


@pytest.mark.parametrize(
    "text",
    [
        "select row_number() over (order by a) from t",
        "select max(a) over () from t",
        "select lag(a) over (partition by service order by timestamp_ns) from events",
        "select lag(a) over w from events window w as (partition by service, revision order by timestamp_ns)",
        "with x as (select * from events) select sum(a) over (partition by revision) from x",
        "with x as (select a from t group by a union all select a from t) select sum(a) over (partition by b) from x",
        "select * from (select *, rank() over (partition by topic order by a) as r from t) where r <= 5",
        "select max(a) over (partition by b) from (select *, row_number() over (order by a) as r from t) where r = 1",
    ],
)
def test_what_puts_a_service_in_order_is_refused(text):
    """Whether its window has a name, stands over a CTE, or takes the first of a whole topic."""
    assert faults(text)


def test_what_stands_for_many_rows_is_not():
    """Groups, minutes, and the first of each minute."""
    text = """
    with minutes as (select service, minute, count(*) as n from events group by service, minute),
    ends as (select *, lag(n) over (partition by service order by minute) as before from minutes),
    numbered as (select *, row_number() over (partition by topic, minute order by a) as place from events),
    five as (select max(a) over (partition by topic) as most from numbered where place <= 5)
    select sum(n) over (partition by service) from ends
    """
    assert faults(text) == []


@pytest.mark.parametrize("name", FILES)
def test_each_file_reads_a_table_once(name):
    """After every CTE stands where it is named, as BigQuery puts it; what reads one again says why."""
    wanted, _ = READ_AGAIN.get(name, ({}, ""))
    read = scans(parsed(written(name)))
    assert {table: n for table, n in read.items() if n > 1} == wanted


def test_scans_are_counted_through_names():
    """A CTE that two others read counts twice, one of the table's own name once."""
    text = (
        "with t as (select * from t), a as (select * from t), b as (select * from t) select * from a join b using (x)"
    )
    assert scans(parsed(text)) == {"t": 2}

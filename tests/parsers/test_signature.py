"""Signatures: lines of one wording have one, lines of two have two."""

import random
import time
import uuid

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.lines import read, strip_ansi
from parsers.redact import redact
from parsers.signature import LENGTH, signatures


def signed(*texts):
    """Signatures of messages, as classification takes them: redacted, without the format's prefix."""
    series = strip_ansi(redact(pl.Series(texts, dtype=pl.String)))
    return signatures(read(series, pl.Series([None] * len(texts), dtype=pl.String))["body"], series).to_list()


def one(text):
    (found,) = signed(text)
    return found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("took 12 ms", "took 3001 ms"),
        ("took 12.5ms", "took 0.3s"),
        ("took 2m7.69s", "took 532.1µs"),
        ("ratio -0.5", "ratio 12.25"),
        ("used 50%", "used 3.5%"),
        ("used 512MiB of 1,024MiB", "used 7MiB of 64MiB"),
        ("commit 0a1b2c3d4e5f", "commit deadbeef0123"),
        ("at 0x7ffee3b0", "at 0xdead"),
        ("session 5f0c6a2e-0000-4a4a-8b8b-123456789abc", "session abcdefab-cdef-abcd-efab-cdefabcdefab"),
        ("from 203.0.113.77", "from 198.51.100.2"),
        ("from 203.0.113.77:1234", "from 198.51.100.2:77"),
        ("from 2001:db8::77", "from 2001:db8:0:0:0:0:0:1"),
        ("at 2026-01-05T08:30:00.123Z", "at 2026-12-31T23:59:59+01:00"),
        ("at 2026-01-05 08:30:00,123", "at 2026-12-31 23:59:59"),
        ("at 08:30:00", "at 23:59:59.123"),
        ('no column "size"', 'no column "the colour"'),
        ("no column 'size'", "no column ''"),
        ("no column `size`", "no column `colour`"),
        ("open /var/lib/shop/a", "open /tmp/x/y/z.json"),
        ("open C:\\shop\\a.txt", "open D:\\b\\c.txt"),
        ("GET /api/orders/17 done", "GET /api/users/18/items done"),
        ("see https://shop.example/a?b=c", "see http://other.example:8080/x"),
        ("mail to jane@example.com", "mail to joe.doe@shop.example"),
        ("order ORD-17 of user 20987654", "order ORD-2931 of user 11112222"),
        ("key AKIA" + "IOSFODNN7SHOPKEY", "key AKIA" + "QQQQODNN7SHOPKEY"),
        ("pool-5 is full", "pool-51 is full"),
        ("ids [1, 2, 3]", "ids [4]"),
        ("failed (attempt 1/3)", "failed (attempt 10/12)"),
        ("in <red>shop</red>", "in shop"),
        ("\x1b[31mfailed\x1b[0m", "failed"),
        ("2026-01-05 08:30:00 - shop.a - ERROR - failed", "[2026-01-05 08:30:00 +0000] [12] [ERROR] failed"),
        ("failed\nfor one reason", "failed\nfor another"),
        ("  failed  ", "failed"),
        ("id=17", "id=abcdef0123456789"),
        ("größe 12", "größe 15"),
    ],
)
def test_variable_parts_are_masked(first, second):
    """Two lines of one wording."""
    assert one(first) == one(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("connection refused", "connection reset"),
        ("user 12 found", "user 12 not found"),
        ("took 12 ms", "waited 12 ms"),
        ("KeyError: 'size'", "ValueError: 'size'"),
        ("it can't open the file, and won't", "it can't find the file, and won't"),
        ("the users' file is missing, the shops' too", "the users' file is locked, the shops' too"),
        ("read/write failed", "read/only failed"),
        ("feedback added", "facade deleted"),
        ("HTTP error", "HTTPS error"),
        ("größe fehlt", "höhe fehlt"),
    ],
)
def test_words_are_kept(first, second):
    """They are what tells one line from another; an apostrophe opens no quote."""
    assert one(first) != one(second)


def test_null_has_no_signature():
    """And the empty text has an empty one."""
    assert signed(None, "", "x") == [None, "", "x"]


def test_a_long_line_is_told_by_its_start():
    """What comes behind says nothing new."""
    assert one("failed " + "x" * 1000) == one("failed " + "x" * 2000)
    assert len(one("failed " + "x " * 1000)) <= LENGTH


TRACEBACK = 'Traceback (most recent call last):\n  File "/app/shop.py", line {line}, in get\n    {code}\n{raised}'


@pytest.mark.parametrize("newline", ["\n", "\\n"])
def test_a_traceback_is_told_by_its_exception(newline):
    """And the frame, not its line; also where JSON has made its newlines the two characters \\\\n."""

    def trace(line, code, raised):
        return TRACEBACK.format(line=line, code=code, raised=raised).replace("\n", newline)

    first = trace(12, "x = d[key]", "KeyError: 'size'")
    same = trace(99, "return d[name]", "KeyError: 'colour'")
    other = trace(12, "x = d[key]", "shop.errors.OutOfStock: 3 left\n".replace("\n", newline))
    assert one(first) == one(same) != one(other)
    assert "KeyError" in one(first)
    assert "shop.errors.OutOfStock" in one(other)
    assert one(first).startswith("Traceback")
    assert one(first) == "Traceback: KeyError at get (/app/shop.py)"


@pytest.mark.parametrize("newline", ["\n", "\\n"])
def test_of_chained_tracebacks_the_last_exception_counts(newline):
    """That is the one that was raised."""
    chained = (
        TRACEBACK.format(line=1, code="a()", raised="KeyError: 'size'")
        + "\n\nDuring handling of the above exception, another exception occurred:\n\n"
        + TRACEBACK.format(line=2, code="b()", raised="shop.Gone: no such thing")
    ).replace("\n", newline)
    assert one(chained) == one(TRACEBACK.format(line=7, code="c()", raised="shop.Gone: no such thing"))


def test_a_message_before_a_traceback_does_not_hide_it():
    """`logger.exception` writes both into one entry."""
    texts = [
        f"2026-01-05 08:30:00 - shop - ERROR - order {n} failed\n"
        + TRACEBACK.format(line=n, code="x", raised="TimeoutError")
        for n in (1, 22)
    ]
    assert one(texts[0]) == one(texts[1])
    assert "TimeoutError" in one(texts[0])


def test_an_exceptions_message_may_have_several_lines():
    """They do not count: the exception and its frame do."""
    raised = "shop.db.OperationalError: connection to {} failed\n\tIs the server running?\n(Background: {})"
    first = TRACEBACK.format(line=1, code="x", raised=raised.format("'db1'", "https://x.example/1"))
    second = TRACEBACK.format(line=2, code="y", raised=raised.format("'db2'", "https://x.example/2"))
    assert one(first) == one(second) == "Traceback: shop.db.OperationalError at get (/app/shop.py)"


def test_frames_of_libraries_do_not_count():
    """The innermost frame of the service's own code does; without one the exception's message tells."""
    library = '  File "/usr/local/lib/python3.12/site-packages/httpx/_client.py", line 9, in get\n    raise it\n'
    raised = "httpx.ConnectTimeout: no answer in 30 s"
    own = TRACEBACK.format(line=1, code="x", raised=library + raised)
    assert one(own) == "Traceback: httpx.ConnectTimeout at get (/app/shop.py)"
    bare = "Traceback (most recent call last):\n" + library + raised
    assert one(bare) == "Traceback: httpx.ConnectTimeout: no answer in <*> s"


def test_numbers_in_frames_do_not_count():
    """They number lambdas, chunks and builds."""
    trace = "java.lang.IllegalStateException: no\n\tat com.shop.Orders.lambda$place${}(Orders.java:{})"
    assert one(trace.format(0, 12)) == one(trace.format(3, 40))


def test_a_traceback_that_is_cut_off_keeps_its_first_line():
    """No exception, no name."""
    assert one('Traceback (most recent call last):\n  File "/app/shop.py", line 3, in get') == one(
        'Traceback (most recent call last):\n  File "/app/shop.py", line 4, in put'
    )


@settings(deadline=None, max_examples=50)  # of many lines each, for a call costs more than they do
@given(st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=32), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(texts, shuffle):
    """No line learns from another."""
    order = shuffle.sample(range(len(texts)), len(texts))
    found = signed(*texts)
    assert signed(*(texts[index] for index in order)) == [found[index] for index in order]


def test_the_input_is_not_modified():
    """scatter writes in place."""
    bodies = pl.Series(["Traceback (most recent call last):", "x 1"])
    texts = pl.Series(["Traceback (most recent call last):\n  x\nKeyError: 1", "x 1"])
    signatures(bodies, texts)
    assert bodies.to_list() == ["Traceback (most recent call last):", "x 1"]


@pytest.mark.parametrize(
    "piece", ["a", "1", "a1 ", "'", '"x', "<*> ", "/a/", "-", ":", "\n", "\\n", "2026-", "Error: "]
)
def test_long_lines_take_linear_time(piece):
    """Ten times the length takes far less than a hundred times as long."""

    def seconds(length):
        start_of = "Traceback (most recent call last):\n"
        text = pl.Series([start_of + (piece * length)[:length], (piece * length)[:length]] * 2)
        best = 1e9
        for _ in range(5):
            start = time.process_time()
            signatures(text, text)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(100_000) / seconds(10_000) < 30


# ---------------------------------------------------------------- a labelled corpus

#: Templates in the styles of several languages; {…} names what varies.
TEMPLATES = [
    # Python
    "{stamp} - shop.orders - ERROR - Order {n} failed after {ms}ms",
    "{stamp} - shop.orders - ERROR - Order {n} was cancelled by the customer",
    "{stamp},{milli} - shop - shop.stock - WARNING - Stock of {sku} is low: {n} left",
    "[{stamp} +0000] [{n}] [INFO] Booting worker with pid: {n}",
    "[{stamp} +0000] [{n}] [CRITICAL] WORKER TIMEOUT (pid:{n})",
    "{stamp}.{milli} | ERROR    | shop.pay:charge:{n} - Charge {uuid} declined: {quoted}",
    "{stamp}.{milli} | WARNING  | shop.pay:retry:{n} | <yellow>Retry {n} of {n} for {uuid}</yellow>",
    "WARNING:shop.cache:Cache miss rate {percent}% over the last {n} s",
    "ERROR:    [Errno {n}] error while attempting to bind on address ('{ip}', {n}): address already in use",
    "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at {quoted}, port {n} failed",
    "Task shop.tasks.send[{uuid}] succeeded in {float}s: None",
    "Task shop.tasks.send[{uuid}] raised unexpected: TimeoutError({n})",
    # Java
    "{iso}  WARN {n} --- [nio-8080-exec-{n}] com.shop.Api : Slow query took {n} ms: {quoted}",
    "{iso} ERROR {n} --- [main] o.s.boot.SpringApplication : Application run failed",
    "{clock}.{milli} [pool-{n}-thread-{n}] INFO com.shop.Importer - Imported {n} rows from {path}",
    "java.lang.OutOfMemoryError: Java heap space, used {n}M of {n}M",
    "java.net.SocketTimeoutException: connect timed out after {n} ms to {ip}:{n}",
    "HikariPool-{n} - Connection is not available, request timed out after {n}ms.",
    "[{n}.{n}s][info][gc] GC({n}) Pause Young (Normal) {n}M->{n}M({n}M) {float}ms",
    # Node
    "error: Unhandled rejection for request {uuid}",
    "warn: Deprecated field {quoted} used by client {hex}",
    "Error: connect ECONNREFUSED {ip}:{n}",
    "Error: ENOENT: no such file or directory, open '{path}'",
    "(node:{n}) Warning: Possible EventEmitter memory leak detected. {n} listeners added.",
    "Server listening on http://{ip}:{n}",
    "MongoServerError: E11000 duplicate key error collection: shop.orders index: _id_ dup key: {quoted}",
    # Go
    "{slashed} {clock} http: panic serving {ip}:{n}: runtime error: index out of range [{n}] with length {n}",
    "{slashed} {clock} http: TLS handshake error from {ip}:{n}: EOF",
    'time="{iso}" level=error msg="failed to publish" topic=orders offset={n} err="context deadline exceeded"',
    'time="{iso}" level=warning msg="slow consumer" topic=orders lag={n}',
    "E{n4} {clock}.{milli}000       1 reconcile.go:{n}] sync of {hex} failed",
    '{iso}\terror\tserver/main.go:{n}\trequest failed\t{{"id":"{uuid}","ms":{n}}',
    # .NET, Rust, Ruby, PHP
    "fail: Shop.Api.Orders[{n}]",
    "System.InvalidOperationException: Sequence contains no elements (order {n})",
    "{iso}  INFO shop::api: listening on {ip}:{n}",
    "thread 'main' panicked at src/stock.rs:{n}:{n}: called `Option::unwrap()` on a `None` value",
    "Completed 500 Internal Server Error in {n}ms (ActiveRecord: {float}ms | Allocations: {n})",
    "PHP Fatal error:  Allowed memory size of {n} bytes exhausted (tried to allocate {n} bytes) in {path} on line {n}",
    # platforms, databases, plain sentences
    "Memory limit of {n} MiB exceeded with {n} MiB used",
    "redis.exceptions.ConnectionError: Error {n} connecting to {ip}:{n}. Connection refused.",
    "FATAL:  remaining connection slots are reserved ({n} of {n})",
    "deadlock detected: process {n} waits for ShareLock on transaction {n}; blocked by process {n}",
    "Upload of {path} ({n} bytes) to gs://shop-{n}/{hex} finished in {ms}ms",
    "User {email} signed in from {ip}",
    "User {email} failed to sign in from {ip}",
    "Session {uuid} expired after {n}m{n}s",
    "Webhook {hex} of {email} answered {n}",
    "Rolled back migration {stamped} in {float}s",
    "Rate limit exceeded for IP: {ip}, blocking for {n} minutes",
    "Größe von {quoted} überschritten: {n} Bytes",
]
VARIANTS = 8


def filled(template, rnd):
    """One line of a template; each {name} is drawn anew."""

    def number():
        return str(rnd.choice([rnd.randrange(10), rnd.randrange(1000), rnd.randrange(10**6)]))

    def stamp(joint):
        return f"2026-{rnd.randrange(1, 13):02d}-{rnd.randrange(1, 29):02d}{joint}{clock()}"

    def clock():
        return f"{rnd.randrange(24):02d}:{rnd.randrange(60):02d}:{rnd.randrange(60):02d}"

    words = ["size", "the colour", "Blue shoes", "O-17", "äpfel", "select * from orders where id = 7"]
    makers = {
        "n": number,
        "n4": lambda: f"{rnd.randrange(1, 13):02d}{rnd.randrange(1, 29):02d}",
        "ms": lambda: f"{rnd.randrange(10**6) / 100:.2f}",
        "float": lambda: repr(rnd.random() * 10 ** rnd.randrange(3)),
        "percent": lambda: rnd.choice([number(), f"{rnd.random() * 100:.1f}"]),
        "milli": lambda: f"{rnd.randrange(1000):03d}",
        "uuid": lambda: str(uuid.UUID(int=rnd.getrandbits(128))),
        "hex": lambda: f"{rnd.getrandbits(64):016x}",
        "sku": lambda: f"SKU-{rnd.randrange(10**5)}",
        "ip": lambda: ".".join(str(rnd.randrange(256)) for _ in range(4)),
        "stamp": lambda: stamp(" "),
        "iso": lambda: stamp("T") + rnd.choice([".123Z", ".456Z"]),
        "slashed": lambda: f"2026/{rnd.randrange(1, 13):02d}/{rnd.randrange(1, 29):02d}",
        "stamped": lambda: f"2026{rnd.randrange(10**10):010d}",
        "clock": clock,
        "quoted": lambda: '"' + rnd.choice(words) + '"',
        "path": lambda: (
            "/" + "/".join(rnd.choice(["var", "app", "tmp", "data", "v2"]) for _ in range(rnd.randrange(2, 5)))
        ),
        "email": lambda: rnd.choice(["jane", "joe.doe", "x+y"]) + "@" + rnd.choice(["example.com", "shop.example"]),
    }
    parts = template.replace("{{", "\x00").split("{")
    line = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        line += makers[name]() + rest
    return line.replace("\x00", "{")


def test_lines_group_by_their_template(capsys):
    """Grouping accuracy: the share of lines whose group is exactly its template's lines."""
    rnd = random.Random(20260105)
    lines = [(number, filled(template, rnd)) for number, template in enumerate(TEMPLATES) for _ in range(VARIANTS)]
    rnd.shuffle(lines)
    found = signed(*(line for _, line in lines))
    groups, wanted = {}, {}
    for index, ((template, _), signature) in enumerate(zip(lines, found, strict=True)):
        groups.setdefault(signature, set()).add(index)
        wanted.setdefault(template, set()).add(index)
    right = sum(groups[found[index]] == wanted[template] for index, (template, _) in enumerate(lines))
    accuracy = right / len(lines)
    with capsys.disabled():
        print(f"\nsignatures: grouping accuracy {accuracy:.3f} on {len(lines)} lines of {len(TEMPLATES)} templates")
    wrong = sorted({(lines[i][0], found[i]) for i in range(len(lines)) if groups[found[i]] != wanted[lines[i][0]]})
    assert accuracy >= 0.95, wrong

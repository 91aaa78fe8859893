"""Changes that change nothing that anyone can see: by their reason, the file and the line as it becomes."""

_PLACES = {
    "pace": (
        "place = 1 + div((95 * (n - 1)), 100), latency_ns, null)) as p95_low,",
        "place = least(2 + div((95 * (n - 1)), 100), n), latency_ns, null)) as p95_high",
    ),
    "exits": (
        *("place = 1, at_us, null)) as first_us,", "place = 2, at_us, null)) as second_us,"),
        "has_next is not null and has_second_next is null, at_us, null)) as second_last_us,",
        "has_next is null, at_us, null)) as last_us",
    ),
    "requests": (
        "http_status >= 500 and place = 1, at_us, null)) as first_us,",
        "http_status >= 500 and place = 2, at_us, null)) as second_us,",
        "http_status >= 500 and has_next is not null and has_second_next is null, at_us, null))",
        "http_status >= 500 and has_next is null, at_us, null)) as last_us",
    ),
    "signatures": (
        "",
        *("place = 1, log_name, null)) as first_log_name,", "place = 1, insert_id, null)) as first_insert_id,"),
        *(f"place = 1, first_{name}, null)) as first_{name}," for name in ("log_name", "insert_id")),
        "place = 1, first_excerpt, null)) as first_excerpt",
    ),
}

_WORDINGS = 'first.unique("event", keep="first", maintain_order=False).select("event", "excerpt")'

_SECONDS = '.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us").dt.epoch("s")'

_REASONS = {
    "one row of a group has the place, so the least is the largest": [
        (f"sql/measures/{name}.sql", f"min(if({line}") for name, lines in _PLACES.items() for line in lines
    ],
    "no number of floating point is exactly that one": [
        ("pipeline/judge/early.py", "return design_effect, math.exp(log_e) if log_e <= 700 else None"),
        ("pipeline/judge/power.py", "if needed < 0:"),
    ],
    "where the least tail is the wanted one, the interval has no end either way": [
        ("pipeline/judge/ranks.py", "if _least_tail(control, experiment) > tail * (1 - 1e-9):"),
    ],
    "no status is 600": [
        ("pipeline/judge/endings.py", "return ended(profile, endpoint, range(least, 601), caller)"),
    ],
    "no part is beyond the last": [
        (
            "pipeline/judge/latencies.py",
            "last = {name: part.within(PARTS - PARTS // 4, PARTS + 1) for name, part in times.items()}",
        ),
    ],
    "a revision has one row of an event": [
        ("pipeline/assess/revision_data.py", 'ready_ms=number(audit["max_ms"].min()),'),
    ],
    "all rows of a group have the same": [
        ("sql/measures/durations.sql", "min(n_latency) as n_latency,"),
        ("sql/measures/latency.sql", "min(n_latency) as n_latency,"),
    ],
    "where one of both is null, the greatest of the other is taken anyway": [
        ("sql/measures/gaps.sql", f"greatest(coalesce({line}, 9000000000000000")
        for line in (
            "max(gap_us), min(silence_us)), coalesce(max(silence_us), max(gap_us)))",
            "max(gap_us), max(silence_us)), coalesce(max(silence_us), min(gap_us)))",
        )
    ],
    "line breaks in a query change nothing": [
        ("pipeline/aggregate/duckdb.py", "def _rewrite(googlesql: str, *, pretty: bool = True) -> str:"),
    ],
    "nothing depends on the order of wordings": [
        ("pipeline/assess/signatures.py", f"return dict({_WORDINGS}.iter_rows())"),
    ],
    "the last entry of a service that had a request has a time, which is larger": [
        ("pipeline/judge/volume.py", f"end = max(data.service_last_ns or {last}, data.asked_end_ns or {end})")
        for last, end in ((0, 1), (1, 0))
    ],
    "only more of the text is waited for": [
        ("pipeline/sources/files/json_values.py", "at, short = len(self._text), True"),
        ("pipeline/sources/files/json_values.py", "self._taken = 1"),
        *(
            ("pipeline/sources/files/json_values.py", line)
            for line in (
                "if not self._ended and len(self._data) - start <= 4096:",
                "if not self._ended and len(self._data) - start < 4097:",
                "if end < len(self._text) - _NEAR_END or self._ended or isinstance(value, dict | list):",
                'short = at >= len(self._text) - _NEAR_END or error.msg.startswith("Unterminated string")',
                "if short and not self._ended and len(self._data) - start <= self._parsed:",
                "if not self._ended and len(self._data) - start <= PARSED:",
            )
        ),
    ],
    "nobody is told the line and column of what is refused": [
        ("pipeline/sources/files/json_values.py", "return 1"),
        ("pipeline/sources/files/json_values.py", "return -2"),
    ],
    "a text starts with a line end, where the rest of no line ends": [
        ("pipeline/sources/files/json_values.py", "self._rest_of_line = True"),
    ],
    "a record is cut to the limit however much of it is given": [
        (
            "pipeline/sources/files/json_values.py",
            "self._kept = cut(self._data[self._pos : self._pos + self._limit + 2], self._limit, self._report)",
        ),
    ],
    "what is above the limit is longer than the overlap": [
        ("pipeline/sources/files/json_values.py", "skipped = max(1, len(self._data) - self._pos - OVERLAP)"),
    ],
    "a dictionary that is asked by its keys has no order": [
        (
            "pipeline/assess/revision_data.py",
            'for (name,), ages in rows.sort("event", "age_s").group_by("event", maintain_order=False)',
        ),
        ("pipeline/assess/endings.py", "for (name,), part in rows.group_by(column, maintain_order=False):"),
        (
            "pipeline/assess/histograms.py",
            'for (kind, name), part_rows in steady.group_by("kind", "name", maintain_order=False):',
        ),
        (
            "pipeline/assess/endings.py",
            'totals = failed.group_by(by, maintain_order=False).agg(pl.col("n").sum())',
        ),
        (
            "pipeline/assess/executions.py",
            "for (project, location, job), part in rows.group_by(keys, maintain_order=False)",
        ),
    ],
    "rows are put in order before they are shown": [
        ("pipeline/assess/signatures.py", ".group_by(KEY, maintain_order=False)"),
    ],
    "a digest is a name whatever its length": [
        ("pipeline/assess/history_rows.py", "run = hashlib.sha256(text.encode()).hexdigest()[:17]"),
        ("pipeline/sources/files/text_tables.py", "digest = hashlib.sha256(row).digest()[:9]"),
        ("pipeline/sources/cloud_logging/pull.py", "return hashlib.sha256(text).hexdigest()[:17]"),
    ],
    "entries are gone through by time, so no deployment began after its end": [
        (
            "pipeline/sources/cloud_logging/deployments.py",
            "begun = group.started_ns - AFTER_READY_NS < end.started_ns <= group.started_ns + READY_S * _SECOND",
        ),
    ],
    "a span that only meets another one is left over as it is": [
        (
            "pipeline/sources/cloud_logging/pulled.py",
            f"if span.scope != taken.scope or span.end {less} taken.start or span.start {more} taken.end:",
        )
        for less, more in (("<", ">="), ("<=", ">"))
    ],
    "nothing is listed up to the start of a listing": [
        (
            "pipeline/sources/cloud_logging/pull.py",
            "if listing.received is None and listing.start <= listing.position:",
        ),
    ],
    "the first of one entry is its last": [
        ("pipeline/sources/cloud_logging/source.py", "first = times.max()"),
    ],
    "times have a least and a largest, or neither": [
        ("pipeline/sources/cloud_logging/source.py", "if not isinstance(first, int) and not isinstance(last, int):"),
    ],
    "only the client's connection is used, which is over HTTP with either": [
        (
            "pipeline/sources/cloud_logging/api.py",
            "return logging_v2.Client(project=project, client_options=options, _use_grpc=True)",
        ),
        (
            "pipeline/sources/cloud_logging/api.py",
            "project=project, credentials=credentials, _http=session, client_options=options, _use_grpc=True",
        ),
    ],
    "only its hour is used": [
        (
            "pipeline/sources/cloud_storage.py",
            f"first = window.start.astimezone(UTC).replace({parts})",
        )
        for parts in (
            "minute=1, second=0, microsecond=0",
            "minute=0, second=1, microsecond=0",
            "minute=0, second=0, microsecond=1",
        )
    ],
    "there are no rows without an object": [
        ("pipeline/sources/cloud_storage.py", "hour = nanoseconds(_hour(item.name)) if item else 1"),
    ],
    "the last try raises": [
        ("pipeline/sources/cloud_storage.py", "for attempt in range(1, _MOST_TRIES + 2):"),
    ],
    "a tail is compared of 500 requests and more": [
        (
            "pipeline/judge/tails.py",
            "there = round(base * shrunk), max(round(control.n * shrunk), 2), base_design",
        ),
    ],
    "any number below 0 is no code": [("pipeline/assess/revision_data.py", "_NO_CODE = -2")],
    "any number below 0 stands before those of revisions": [
        ("pipeline/assess/revisions.py", "return int(match[1]) if match else -2"),
        (
            "pipeline/assess/revisions.py",
            "numbers, latest = [-1], [-2]  # of the Ready ones by rising number, with the latest Ready time so far",
        ),
    ],
    "nothing has been read before": [("pipeline/sources/files/explorer_csv.py", "self.at = 1")],
    "whole UTF-8 is repaired to itself": [
        ("pipeline/sources/files/framing.py", "self.valid = False"),
        ("pipeline/sources/files/framing.py", "if self.valid or decoder.getstate()[0]:"),
    ],
    "only how much is searched, held or learnt at once": [
        ("pipeline/sources/files/damage.py", "self._block *= 3"),
        (
            "pipeline/sources/files/damage.py",
            "next_start = self._next_start(data, max(start + 1, start - self._read - OVERLAP), upto)",
        ),
        ("pipeline/sources/files/explorer_csv.py", "wanted = max(len(parts[0]), 2)"),
        ("pipeline/sources/files/explorer_csv.py", "while wanted >= 0 and not self.ended:"),
        ("pipeline/sources/files/damage.py", "self._block = 129"),
        ("pipeline/sources/files/damage.py", "upto = min(len(data), start - self._read + self._block)"),
        (
            "pipeline/sources/files/framing.py",
            'if b"\\n" in text or len(text) >= (_PIECE if text.startswith(b"[") else PARSED):',
        ),
        ("pipeline/sources/files/framing.py", "held.append(lines[0][: max(1, limit + 1 - size)])"),
        ("pipeline/sources/files/framing.py", "held.append(lines[0][: max(0, limit + 2 - size)])"),
        ("pipeline/sources/files/reader.py", "held = 1"),
        ("pipeline/sources/files/reader.py", "if len(head) > count:"),
        ("pipeline/sources/files/reader.py", "head, chunks = _head(chunks, 5)"),
        ("pipeline/sources/files/search.py", "held = 1"),
        ("pipeline/sources/files/source.py", "lines, held = [], 1"),
        ("pipeline/sources/files/search.py", "found, held = [], 1"),
        (
            "pipeline/sources/files/yaml_documents.py",
            "if size <= limit + 2:  # with its last line end",
        ),
        ("pipeline/sources/files/json_values.py", "wanted = min(max(len(parts[0]), 2), PARSED)"),
        ("pipeline/sources/files/json_values.py", "if self._in_vain >= self._taken + _PATIENCE:"),
        ("pipeline/sources/files/json_values.py", "if len(entry) < _ALIKE and len(self._shapes) < _SHAPES:"),
        ("pipeline/sources/files/json_values.py", "if len(entry) <= _ALIKE and len(self._shapes) <= _SHAPES:"),
        ("pipeline/sources/files/json_values.py", "self._in_vain = 1"),
        ("pipeline/sources/files/json_values.py", "while wanted >= 0 and not self._ended:"),
        ("pipeline/sources/cloud_storage.py", "if held > BATCH_BYTES or len(lines) >= BATCH_RECORDS:"),
        ("pipeline/sources/cloud_storage.py", "held = 1"),
        ("pipeline/sources/cloud_storage.py", "lines, held = [], 1"),
        (
            "pipeline/sources/cloud_logging/pages.py",
            "tail = _TAIL.search(body, min(len(body) - _TAIL_BYTES, head.end() if head else 0))",
        ),
    ],
    "a body without a head is no page whatever its tail": [
        (
            "pipeline/sources/cloud_logging/pages.py",
            "tail = _TAIL.search(body, max(len(body) - _TAIL_BYTES, head.end() if head else 1))",
        ),
    ],
    "the text and the place of an error that is caught are not shown": [
        ("pipeline/sources/cloud_logging/pages.py", f"raise json.JSONDecodeError({words}, text[:{end}], {at})")
        for words in ('f"no {mark}"', '"more than a page"')
        for end, at in ((101, 0), (100, 1))
    ],
    "a line that has text ends behind its first character": [
        *(
            (
                "pipeline/sources/files/explorer_csv.py",
                f"line = window.data[window.at : end if end {some} else len(window.data)]",
            )
            for some in ("> 0", ">= 1")
        ),
        ("pipeline/sources/files/explorer_csv.py", "if end <= 0 and not window.ended and left <= limit:"),
        ("pipeline/sources/files/explorer_csv.py", "if end < 1 and not window.ended and left <= limit:"),
        ("pipeline/sources/files/json_values.py", "end = end if end > 0 else len(self._data)"),
        ("pipeline/sources/files/json_values.py", "if end < 1 and not self._ended:"),
        ("pipeline/sources/files/json_values.py", "end = end if end >= 1 else len(self._data)"),
        ("pipeline/sources/files/json_values.py", "if end <= 0 and not self._ended:"),
        *(
            (
                "pipeline/sources/files/json_values.py",
                f"if ahead := _ENTRY_AHEAD.search(self._data, start, end if end {some} else len(self._data)):",
            )
            for some in ("> 0", ">= 1")
        ),
    ],
    "an array that is as long as the longest line is read as an array in both ways": [
        (
            "pipeline/sources/files/framing.py",
            'if size <= limit <= grown and b"".join([*held, chunk[:2]]).startswith(b"[{"):',
        ),
    ],
    "the first part is the same into however many more the rest is split": [
        ("pipeline/sources/files/framing.py", 'line = head.lstrip().split(b"\\n", 2)[0].rstrip()'),
    ],
    "nothing in it has a meaning in a pattern": [
        (
            "pipeline/sources/log_entry.py",
            "no_request & line.str.contains('\"httpRequest\"', literal=False),",
        ),
        (
            "pipeline/sources/log_entry.py",
            "no_resource & (pl.lit(value=False) if named else line.str.contains('\"resource\"', literal=False)),",
        ),
    ],
    "what has no bytes holds nothing to find": [("pipeline/sources/files/damage.py", "while at <= upto:")],
    "a blank stands behind the separator, or nothing": [
        ("pipeline/sources/files/yaml_documents.py", "line = line[4:].lstrip() if separator else line"),
    ],
    "what is not read by its positions is read by the regular expression": [
        (
            "pipeline/sources/rfc3339.py",
            f"seconds = time.str.head(20){_SECONDS}",
        ),
    ],
    "the first of two digits decides": [
        (
            "pipeline/sources/rfc3339.py",
            r'plain = rest.str.contains(r"^(?:\.[0-9]{1,12})?Z$") & (time.str.slice(17, 2) < "6") & _in_range(time)',
        ),
    ],
    "what was read has a size": [
        (
            "pipeline/sources/stored.py",
            "report.bytes_read = (self.size or 1) * report.records // max(file.metadata.num_rows, 1)",
        ),
    ],
    "no line of the first ones may begin so, and the first is one of them": [
        ("pipeline/sources/files/foreign.py", 'if text[:2] in ("{", "["):'),
    ],
    "nothing can be read behind the end": [
        ("pipeline/sources/files/reader.py", "while total is None or report.bytes_read <= total:"),
    ],
    "what begins like gzip is no zlib": [
        ("pipeline/sources/files/reader.py", "inflater = zlib.decompressobj(32)"),
    ],
    "a match does not begin with a line end": [
        ("pipeline/sources/files/search.py", "end = stop if end <= 0 else end"),
        ("pipeline/sources/files/search.py", "end = stop if end < 1 else end"),
    ],
    "two bytes are compared": [
        (
            "pipeline/sources/files/framing.py",
            'if size <= limit < grown and b"".join([*held, chunk[:3]]).startswith(b"[{"):',
        ),
    ],
    "of what has a service and a revision, both are taken before what is searched for": [
        (
            "pipeline/sources/log_entry.py",
            "[_selected(raw.filter(named), lines, named=False), _selected(raw.filter(~named), lines, named=False)]",
        ),
    ],
    "what has a service and a revision has a resource": [
        (
            "pipeline/sources/log_entry.py",
            "no_resource & (pl.lit(value=True) if named else line.str.contains('\"resource\"', literal=True)),",
        ),
    ],
    "either is the message of an entry": [
        (
            "pipeline/sources/files/text_tables.py",
            "for at, name in zip(texts, _TEXTS[:1] + _TEXTS[3:], strict=False):",
        ),
    ],
    "another seed is as good": [("pipeline/judge/changepoints.py", "_SEED = 20141")],
    "a number that is calculated is never the very number of its limit": [
        ("pipeline/sources/files/reader.py", "if waited > _PATIENCE_S:"),
        (
            "pipeline/judge/sequential.py",
            "return log_e_value(failed / design_effect, requests / design_effect, limit) > -math.log(alpha)",
        ),
        ("pipeline/judge/ranks.py", "if _least_tail(control, experiment) > tail / (1 + 1e-9):"),
        (
            "pipeline/judge/instances.py",
            'if now <= rule["slow_times"] * usual or now - usual < rule["slow_ms"]:',
        ),
        (
            "pipeline/judge/changepoints.py",
            "as_large += bool(_energies(distances[np.ix_(order, order)]).max() > limit)",
        ),
        (
            "pipeline/judge/instances.py",
            "if share_p((peer.errors_5xx, peer.n, effect), (k, n, effect)) < alpha:",
        ),
        (
            "pipeline/judge/power.py",
            "least = bisect_left(counts, True, key=lambda x: bool(special.bdtrc(x - 1, total, limit_ratio) <= tail))",
        ),
    ],
}

#: Constants that say how much is read, looked at or kept at once, or how often something is tried.
AMOUNTS = {
    "pipeline/aggregate/duckdb.py": ("_FEW_BYTES",),
    "pipeline/judge/ranks.py": ("_ENUMERATED",),
    "pipeline/sources/cloud_logging/api.py": ("_MAX_EMPTY",),
    "pipeline/sources/cloud_logging/pages.py": ("_TAIL_BYTES",),
    "pipeline/sources/cloud_storage.py": ("_MOST_TRIES",),
    "pipeline/sources/files/damage.py": ("OVERLAP",),
    "pipeline/sources/files/framing.py": ("_PIECE",),
    "pipeline/sources/files/json_values.py": ("PARSED", "_PATIENCE", "_NEAR_END", "_ALIKE", "_SHAPES"),
    "pipeline/sources/files/otlp.py": ("MAX_BATCH",),
    "pipeline/sources/files/reader.py": ("BATCH_BYTES", "_CHUNK", "_HEADER", "_SMALL"),
    "pipeline/sources/files/search.py": ("_BLOCK", "_HEAD", "_BATCH"),
    "pipeline/sources/files/source.py": ("MANY_FILES", "_SMALL_BYTES"),
}

#: By file and line as it becomes: why it changes nothing.
SAME = {change: why for why, changes in _REASONS.items() for change in changes}

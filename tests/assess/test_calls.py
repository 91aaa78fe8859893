"""When Google's services called."""

import polars as pl

from pipeline.assess.endings import calls


def test_calls_are_in_order_of_time():
    """Of Google's services alone; two in one slot of ten seconds are one."""
    frame = pl.DataFrame(
        [
            ("POST /x", "Cloud Scheduler", 200, 31, 1),
            ("POST /x", "Cloud Scheduler", 200, 1, 1),
            ("POST /x", "", 200, 5, 1),
            ("POST /x", "Cloud Scheduler", 500, 31, 1),
            ("GET /ws", "websocket", 101, 5, 1),
        ],
        schema=["endpoint", "caller", "status", "slot", "n"],
        orient="row",
    )
    assert calls(frame) == {("POST /x", "Cloud Scheduler"): (10, 310)}

"""One reference implementation for all tests here: it takes half a minute and 1 GB to start."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Every test that uses it is one of the full group, and runs in the same process as the others."""
    for item in items:
        if "reference" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.full)
            item.add_marker(pytest.mark.xdist_group("zetasql"))


@pytest.fixture(scope="session")
def reference():
    """ZetaSQL, from the extra `full`."""
    from tests.googlesql.reference import Reference

    return Reference()

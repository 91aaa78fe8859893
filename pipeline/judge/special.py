"""scipy.special, imported when a function of it is first used: that takes 0.2 CPU s, and many windows need none."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Return a function of scipy.special."""
    import scipy.special

    return getattr(scipy.special, name)

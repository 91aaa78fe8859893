"""Files that appear whole or not at all, under names that nobody can foretell until then."""

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


def write_whole(
    target: Path,
    content: bytes | Callable[[BinaryIO], object],
    *,
    below: Path | None = None,
    mode: int = 0o666,
    new: bool = False,
) -> None:
    """Write a file: under a random temporary name, synced, renamed. A link in its place is replaced, not followed.

    content: the bytes, or what writes them. below: an existing or new folder; of the folders between it and the file
    none may be a link. None: the file's own. Files and folders are made as the process's umask allows, a file with
    `mode` at the most. new: where there is a file it stays, and FileExistsError is raised; of many who try at once one
    makes it. Raises OSError, and leaves nothing then.
    """
    folder = below or target.parent
    folder.mkdir(parents=True, exist_ok=True)
    for name in target.parent.relative_to(folder).parts:
        folder /= name
        if folder.is_symlink():
            raise OSError(errno.ELOOP, f"{folder} is a link, which is not followed; remove it")
        folder.mkdir(exist_ok=True)
    part = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(part, flags, mode), "wb") as file:  # noqa: PTH123 - Path.open takes no flags
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        if new:
            _link(part, target)
        else:
            part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink()


def _link(part: Path, target: Path) -> None:
    """Give a file a second name that nobody has yet."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as a bucket's: made anew, and not whole at once
        with target.open("xb") as file:
            file.write(part.read_bytes())

"""A folder of results within one that a person chose: it appears in one move, complete, or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NotWritten(ValueError):
    """Nothing was written; the message is one sentence that says why and what to do."""


def free_folder(parent: Path, title: str) -> Path:
    """A path within `parent` that nothing has yet: the title as a file name, then with 2, 3 … behind it."""
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", title).strip(" .") or "Results"
    path, number = parent / name, 1
    while path.exists() or path.is_symlink():
        number += 1
        path = parent / f"{name} {number}"
    return path


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A hidden draft beside `target` to write into; it becomes `target` when the block ends well and vanishes when it does not.

    Raises
    ------
    NotWritten
        If the folder around `target` cannot be written to, or what the block writes does not fit on the disk.
    """
    try:
        draft = Path(tempfile.mkdtemp(prefix=".brainmets-", dir=target.parent))
    except OSError as error:
        raise NotWritten(f"Nothing can be written into {target.parent} ({error.strerror}); choose another folder.") from error
    try:
        yield draft
        draft.chmod(0o755)  # a temporary folder is its owner's alone
        draft.rename(target)
    except (OSError, RuntimeError) as error:  # SimpleITK says RuntimeError
        reason = getattr(error, "strerror", None) or "the disk may be full"
        raise NotWritten(f"The files could not be written into {target.parent} ({reason}); choose another folder.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)

"""The folder a command writes: it appears in one move, at the end, or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from BrainMetsAILib.cli.refusal import Refused


@contextmanager
def output_folder(target: Path, own_names: Collection[str], inputs: Sequence[Path] = (), overwrite: bool = False) -> Iterator[Path]:
    """A draft beside `target` to write into; it becomes `target` when the block ends well and vanishes when it does not.

    Parameters
    ----------
    target
        The folder wanted. It must not exist, be empty, or hold a former result that may be overwritten.
    own_names
        Names that the command itself writes: only a folder that holds nothing else is ever replaced.
    inputs
        What is read; it must not lie in the folder that is replaced.
    overwrite
        Whether a former result may be replaced; it stays until the new one is complete.

    Raises
    ------
    Refused
        Before the block begins, if nothing could be written there; or at its end, if the move failed.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100  (resolve() would follow a link that is to be replaced, or refused)
    _check_target(target, own_names, inputs, overwrite)
    parent = next(folder for folder in target.parents if folder.exists())
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=parent))
    except OSError as error:
        raise Refused(f"Nothing can be written into {parent} ({error.strerror}): choose another output folder.") from error
    try:
        yield draft
        draft.chmod(0o755)
        _move(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_target(target: Path, own_names: Collection[str], inputs: Sequence[Path], overwrite: bool) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise Refused(f"{target} is not a folder: choose another output folder.")
    ancestor = next((folder for folder in target.parents if folder.exists()), None)
    if ancestor is None or not ancestor.is_dir():
        raise Refused(f"{ancestor or target.anchor} is not a folder: choose another output folder.")
    if not target.exists():
        return
    try:
        names = sorted(entry.name for entry in target.iterdir())
    except OSError as error:
        raise Refused(f"{target} cannot be opened ({error.strerror}): choose another output folder.") from error
    if not names:
        return
    if not overwrite:
        raise Refused(f"{target} exists and is not empty: choose another output folder, or replace it with --overwrite.")
    strange = [name for name in names if name not in own_names]
    if strange:
        raise Refused(f"{target} holds what this command did not write ({strange[0]}) and is not replaced: choose another output folder.")
    for path in inputs:
        if path.resolve().is_relative_to(target.resolve()):
            raise Refused(f"{path} lies in the output folder, which would be replaced: choose another output folder.")


def _move(draft: Path, target: Path) -> None:
    former: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            former = Path(tempfile.mkdtemp(prefix=f".{target.name}-former-", dir=target.parent))
            target.replace(former / target.name)
        try:
            draft.replace(target)
        except OSError:
            if former is not None:
                (former / target.name).replace(target)
            raise
    except OSError as error:
        raise Refused(f"The result could not be moved to {target} ({error.strerror}): choose another output folder.") from error
    finally:
        if former is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(former)

"""A review written as files: the table and the label maps, in a new folder within one that a person chose."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from BrainMetsAILib.exchange.lesion_files import lesion_file_steps
from BrainMetsAILib.exchange.new_folder import free_folder, new_folder
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.review import read_examination, review_nodes
from BrainMetsAILib.scene.settings import EXAMINATION_UID


def export_steps(segmentation: Any, parent: Path) -> Generator[None, None, Path]:
    """Write a review in steps of a tenth of a second; what is written is the review as it was at the first.

    Parameters
    ----------
    segmentation
        A review; rejected and removed lesions are left out.
    parent
        An existing folder; a new one named after the volume is made in it in one move at the end. Stopped before, nothing is left.

    Returns
    -------
    Path
        The new folder.

    Raises
    ------
    ImageRefused
        If the volume is gone from the scene.
    NotWritten
        If the folder cannot be written to.
    """
    examination = read_examination(segmentation)
    uid = segmentation.GetAttribute(EXAMINATION_UID)
    yield
    target = free_folder(parent, f"{review_nodes(segmentation).volume.GetName()} lesions")
    with new_folder(target) as draft:
        yield from lesion_file_steps(draft, examination)
    append_log("exported", examination=uid, lesions=len(examination.lesions.lesions), folder=target.name)
    return target

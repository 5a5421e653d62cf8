"""A review written as files: the table and the label maps, in a new folder within one that a person chose."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from BrainMetsAILib.exchange.lesion_files import lesion_file_steps
from BrainMetsAILib.exchange.new_folder import free_folder, new_folder
from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.review import review_nodes
from BrainMetsAILib.scene.segments import read_lesions
from BrainMetsAILib.scene.settings import EXAMINATION_UID
from BrainMetsAILib.scene.translation import tr as _


def export_steps(segmentation: Any, parent: Path) -> Generator[None, None, Path]:
    """Write a review in steps of 0.2 s at the most; what is written is the review as it was at the first.

    Parameters
    ----------
    segmentation
        A review; lesions that do not count are left out.
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
    volume = review_nodes(segmentation).volume
    if volume is None:
        sentence = _("The volume of “{name}” is no longer in the scene; load it again.")
        raise ImageRefused(sentence.format(name=segmentation.GetName()))
    target = free_folder(parent, f"{volume.GetName()} lesions")
    lesions, uid = read_lesions(segmentation), segmentation.GetAttribute(EXAMINATION_UID)
    with new_folder(target) as draft:
        yield
        yield from lesion_file_steps(draft, lesions)
    append_log("exported", examination=uid, lesions=len(lesions.lesions), folder=target.name)
    return target

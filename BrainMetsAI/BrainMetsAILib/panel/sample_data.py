"""The practice case as sample data: made on this computer from the head that comes with the extension, not downloaded."""

import hashlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.models.bundles import BundleError
from BrainMetsAILib.panel.practice_words import practice_names
from BrainMetsAILib.panel.process import TaskListener, WorkerProcess
from BrainMetsAILib.scene.layout import show_volume
from BrainMetsAILib.scene.practice import begin_practice_case
from BrainMetsAILib.scene.practice_case import practice_head, practice_task, read_practice_case

CATEGORY = "BrainMetsAI"
SAMPLE = "BrainMetsAIPracticeCase"
POLL_S = 0.02


def register_sample_data(thumbnail: Path) -> None:
    """Offer the practice case in the Sample Data module; call it once the application has started."""
    import SampleData

    already = getattr(slicer.modules, "sampleDataSources", {}).get(CATEGORY, [])
    if any(source.sampleName == SAMPLE for source in already):  # after a reload
        return
    try:
        head = practice_head()
        checksum = hashlib.sha256(head.read_bytes()).hexdigest()
    except (BundleError, OSError) as error:
        logging.error("No practice case is offered: %s", error)
        return
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        uris=head.as_uri(),  # the head alone, for scripts; the button calls the downloader below, which makes the case from it
        checksums=f"SHA256:{checksum}",
        fileNames="head_t1.nii.gz",
        nodeNames="Practice baseline",
        thumbnailFileName=str(thumbnail),
        customDownloader=lambda source: load_practice_case(),
    )


def load_practice_case(seed: int = 0, worker: WorkerProcess | None = None) -> list[Any]:
    """Make the practice case in a worker process; the interface stays alive and a person may cancel.

    Returns
    -------
    list of vtkMRMLScalarVolumeNode
        Baseline and follow-up; empty where it was cancelled or failed.
    """
    worker = worker or WorkerProcess()
    made: list[tuple[Any, Any]] = []
    dialog = slicer.util.createProgressDialog(maximum=100, labelText=_("Making the practice case"), autoClose=False)
    dialog.windowTitle = _("Practice case")
    dialog.setWindowModality(qt.Qt.ApplicationModal)  # else the scene could be closed, or a second case begun, meanwhile

    def progress(share: float, text: str) -> None:
        dialog.setValue(round(100 * share))
        dialog.setLabelText(text)

    def failed(sentence: str, details: str) -> None:
        slicer.util.errorDisplay(sentence, detailedText=details)

    def finished(result: Mapping[str, Any]) -> None:
        made.append(begin_practice_case(read_practice_case(result), practice_names()))

    listener = TaskListener(progress, finished, failed, lambda: None)
    try:
        worker.run("practice", practice_task(None, seed), listener)
        while worker.busy:
            slicer.app.processEvents()
            time.sleep(POLL_S)
            if dialog.wasCanceled:
                worker.cancel()
    finally:
        worker.stop()
        dialog.close()
        dialog.deleteLater()  # the main window would keep it
    if not made:
        return []
    show_volume(made[0][0])
    return [*made[0]]

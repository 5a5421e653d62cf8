"""Makes the pictures of README and Extensions Index: ``python Testing/make_screenshots.py [--seed N]``.

The panel itself, under the Qt facade, makes a practice case of the bundled head with a real worker, finds its lesions with the bundled
network, and submits a reading, which is made up: the more certain half of the findings is accepted, the least certain one rejected, and it
took 3:12. Views are rendered offscreen. All pictures go to Resources/Screenshots, at most 300 KB each:

=================  ====================================================================
``review.png``     three slice views and the 3D view at the largest lesion
``panel.png``      the whole panel before submission, practice folded
``lesions.png``    the section with the lesion table
``practice.png``   the practice section after submission
``truth.png``      a found, a missed and a false call with the true outlines (magenta)
=================  ====================================================================

It takes some minutes on a processor.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from picture_files import save_small, side_by_side, widget_picture
from pythonqt_facade import application
from slicer_facade import SlicerFacade

TARGET = Path(__file__).resolve().parents[1] / "Resources" / "Screenshots"
SEED = 20
LIMIT_S = 1800
QUARTER, CLOSE = 480, 320  # pixels
FIELD_MM = 60.0
SECONDS_READ = 192.0


def main() -> int:
    """Make all pictures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED, help=f"number of the practice case ({SEED})")
    parser.add_argument("--output", type=Path, default=TARGET, help="another folder for the pictures")
    args = parser.parse_args()
    facade = SlicerFacade()
    with tempfile.TemporaryDirectory() as folder:
        _name_this_python(Path(folder))
        panel = facade.panel(facade.load("BrainMetsAI"))
        panel.enter()
        volume = read_case(panel, args.seed)
        take_pictures(panel, volume, args.output)
        panel.cleanup()
    for path in sorted(args.output.glob("*.png")):
        print(f"{path} {path.stat().st_size // 1000} KB")
    return 0


def read_case(panel: Any, seed: int) -> Any:
    """A practice case with the network's findings, half of them judged; returns the baseline's volume node."""
    from BrainMetsAILib.panel.case_section import chosen_volume

    panel.practice.ui.practiceSeedBox.value = seed
    panel.practice.ui.practiceButton.click()
    _wait(lambda: not panel.worker.busy, "the practice case", panel.practice.ui.practiceStatusLabel)
    panel.find.ui.runButton.click()
    _wait(lambda: not panel.worker.busy, "the lesions", panel.find.ui.findStatusLabel)
    volume = chosen_volume()
    _judge(volume)
    panel.refresh()
    application.processEvents()
    return volume


def take_pictures(panel: Any, volume: Any, folder: Path) -> None:
    """Before the submission, submit, and after it."""
    from BrainMetsAILib.scene.practice import practice_of
    from BrainMetsAILib.scene.practice_reading import write_seconds
    from BrainMetsAILib.scene.review import review_of

    segmentation = review_of(volume)
    keys = panel.lesions.table.keys
    panel.lesions.table.select(keys[0])
    application.processEvents()
    panel.finish.refresh()  # it waits until nothing has changed for a while
    save_small(widget_picture(panel.parent), folder / "panel.png")
    for root in panel.roots.values():  # each on its own from here on
        root.setParent(None)
    save_small(widget_picture(panel.roots["Lesions"]), folder / "lesions.png")
    save_small(side_by_side(four_views(segmentation), 2), folder / "review.png")
    panel.practice.clock.stop()
    write_seconds(practice_of(volume), SECONDS_READ)
    panel.practice.ui.submitButton.click()
    panel.practice.ui.practiceSection.collapsed = False
    panel.practice.ui.recordPathEdit.text = "BrainMetsAI_practice.csv"  # not where this machine keeps it
    save_small(widget_picture(panel.roots["Practice"]), folder / "practice.png")
    save_small(side_by_side(truth_views(panel, volume), 3), folder / "truth.png")


def four_views(segmentation: Any) -> list[np.ndarray]:
    """Axial, 3D, coronal and sagittal, as Slicer's own layout of four has them."""
    import slicer

    from BrainMetsAILib.scene.layout import segment_centre, show_review
    from BrainMetsAILib.scene.review import review_nodes
    from BrainMetsAILib.scene.segments import lesion_segment_ids
    from offscreen_views import SliceView, ThreeDView

    nodes = review_nodes(segmentation)
    segmentation.CreateClosedSurfaceRepresentation()
    show_review(nodes, probability_opacity=0.0)
    centre = segment_centre(segmentation, lesion_segment_ids(segmentation)[0])
    pictures = []
    for name in ("Red", "Green", "Yellow"):
        view = SliceView(name, (QUARTER, QUARTER))
        view.logic.FitSliceToAll(QUARTER, QUARTER)
        view.node.JumpSliceByOffsetting(*centre)
        pictures.append(view.colours())
    three_d = ThreeDView((QUARTER, QUARTER))
    slicer.app.processEvents()
    pictures.insert(1, three_d.colours())
    return pictures


def truth_views(panel: Any, volume: Any) -> list[np.ndarray]:
    """The first found lesion, missed lesion and false call of the table, close; fewer where there is none."""
    from BrainMetsAILib.panel.practice_words import outcome_key
    from BrainMetsAILib.scene.practice import practice_of
    from BrainMetsAILib.scene.practice_reading import read_reading
    from BrainMetsAILib.synthesis.reading import FALSE_CALL, FOUND, MISSED
    from offscreen_views import SliceView

    reading = read_reading(practice_of(volume))
    view = SliceView("Red", (CLOSE, CLOSE))
    pictures = []
    for result in (FOUND, MISSED, FALSE_CALL):
        outcomes = reading.of(result)
        if outcomes:
            panel.practice.table.select(outcome_key(outcomes[0]))
            pictures.append(view.colours())
    return pictures


def _judge(volume: Any) -> None:
    """Accept the more certain half, reject the least certain one."""
    from BrainMetsAILib.scene import tags
    from BrainMetsAILib.scene.practice_reading import call_segment_ids
    from BrainMetsAILib.scene.review import review_of

    content = review_of(volume).GetSegmentation()
    counting = [content.GetSegment(segment_id) for segment_id in call_segment_ids(volume)]
    by_score = sorted(counting, key=lambda segment: -float(tags.read_tag(segment, tags.SCORE)))
    for segment in by_score[: len(by_score) // 2]:
        tags.set_review(segment, tags.ACCEPTED)
    if len(by_score) > 1:
        tags.set_review(by_score[-1], tags.REJECTED)


def _name_this_python(folder: Path) -> None:
    """Let the panel find this Python under the name that Slicer gives its own."""
    launcher = folder / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)
    os.environ["PATH"] = os.pathsep.join((str(folder), os.environ["PATH"]))


def _wait(done: Callable[[], bool], what: str, status: Any) -> None:
    end = time.monotonic() + LIMIT_S
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {LIMIT_S} s for {what}")
        application.processEvents()
        time.sleep(0.02)
    print(status.text)


if __name__ == "__main__":
    sys.exit(main())

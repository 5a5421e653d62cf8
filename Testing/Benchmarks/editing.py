"""How long edits take at 512×512×200 with 30 lesions: ``python Testing/Benchmarks/editing.py``.

Real MRML, the real editor logic and real slice views, rendered offscreen, without the desktop's widgets. Printed are the median and the
worst of some repetitions, and the median of the processor time, which says more on a busy machine.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from BrainMetsAILib.images.geometry import image_from_ijk_to_ras, image_like
from BrainMetsAILib.scene.headless import headless_scene
from drawn_heads import PROVENANCE

SHAPE, SPACING_MM = (200, 512, 512), (0.8, 0.47, 0.47)
LESIONS, REPEATS = 30, 7
MISSED = (0.0, 0.0, 40.0)


def make_case(seed: int = 0) -> tuple[sitk.Image, Any]:
    """A noisy head with 30 balls that were found, some with a core, and one that was missed."""
    from BrainMetsAILib.models.finding import Finding

    rng = np.random.default_rng(seed)
    matrix = np.diag([-SPACING_MM[2], -SPACING_MM[1], SPACING_MM[0], 1.0])
    matrix[:3, 3] = [SPACING_MM[2] * 255.5, SPACING_MM[1] * 255.5, -SPACING_MM[0] * 99.5]
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    r, a, s = (matrix[axis, axis] * n + matrix[axis, 3] for axis, n in ((0, i), (1, j), (2, k)))
    array = np.where((r / 75) ** 2 + (a / 95) ** 2 + (s / 78) ** 2 < 1, 300.0, 0.0).astype(np.float32)
    labels = np.zeros(SHAPE, np.uint16)
    dead = np.zeros(SHAPE, np.uint8)
    places: list[np.ndarray] = [np.array(MISSED)]
    while len(places) <= LESIONS:
        place = rng.uniform([-50, -65, -50], [50, 65, 50])
        if min(np.linalg.norm(place - other) for other in places) > 22:
            places.append(place)
    for number, place in enumerate(places):
        radius = 8.0 if number == 0 else float(rng.uniform(2, 10))
        centre = np.linalg.solve(matrix[:3, :3], place - matrix[:3, 3])[::-1]
        box = tuple(slice(int(c - radius / step) - 1, int(c + radius / step) + 3) for c, step in zip(centre, SPACING_MM, strict=True))
        x, y, z = r[:, :, box[2]], a[:, box[1]], s[box[0]]
        distance = np.sqrt((x - place[0]) ** 2 + (y - place[1]) ** 2 + (z - place[2]) ** 2)
        array[box][distance < radius] = 600.0
        if number:
            labels[box][distance < radius] = number
            if radius > 6:
                dead[box][distance < 0.4 * radius] = 1
                array[box][distance < 0.4 * radius] = 150.0
    array = np.rint(ndimage.gaussian_filter(array, 0.6) + rng.normal(0, 8, SHAPE).astype(np.float32)).astype(np.int16)
    image = image_from_ijk_to_ras(array, matrix)
    probability = np.where(labels > 0, np.float32(0.9), np.float32(0.02))
    necrosis = np.where(dead > 0, np.float32(0.8), np.float32(0))
    scores = {number: 0.5 + number / 100 for number in range(1, LESIONS + 1)}
    enhancing, dying = image_like(np.clip(probability - necrosis, 0, 1), image), image_like(necrosis, image)
    return image, Finding(enhancing, dying, image_like(labels, image), image_like(dead, image), scores, PROVENANCE)


def timed(what: str, job: Callable[[int], object], repeats: int = REPEATS, prepare: Callable[[int], object] = lambda turn: None) -> None:
    """Run and print."""
    taken, busy = [], []
    for turn in range(repeats):
        prepare(turn)
        started, worked = time.perf_counter(), time.process_time()
        job(turn)
        taken.append(1000 * (time.perf_counter() - started))
        busy.append(1000 * (time.process_time() - worked))
    print(f"{what:<56} median {np.median(taken):6.0f} ms   worst {max(taken):6.0f} ms   processor {np.median(busy):6.0f} ms", flush=True)


def main() -> None:
    """Print the figures."""
    headless_scene()
    import slicer

    from BrainMetsAILib.scene.edit_watch import EditWatch
    from BrainMetsAILib.scene.editor_node import editor_node
    from BrainMetsAILib.scene.edits import add_lesion, fill_necrosis, split_in_middle
    from BrainMetsAILib.scene.layout import segment_centre, show_lesion, show_review
    from BrainMetsAILib.scene.review import write_review
    from BrainMetsAILib.scene.segments import lesion_segment_ids, origin_of, read_lesion_list
    from BrainMetsAILib.scene.volumes import add_volume
    from offscreen_views import SliceView
    from real_editor import RealEditor

    image, finding = make_case()
    nodes = write_review(add_volume(image, "T1c"), finding)
    segmentation, content = nodes.segmentation, nodes.segmentation.GetSegmentation()
    show_review(nodes)
    views = [SliceView(name, (500, 500)) for name in ("Red", "Yellow", "Green")]
    editor = RealEditor()
    editor.edit(editor_node(), segmentation, nodes.volume)
    editor.logic.SetMaximumNumberOfUndoStates(20)
    watch = EditWatch(segmentation)
    ids = lesion_segment_ids(segmentation)

    def measure() -> None:
        read_lesion_list(segmentation)
        for segment_id in lesion_segment_ids(segmentation):
            origin_of(segmentation, segment_id)

    def draw() -> None:
        for view in views:
            view.colours()

    draw()
    measure()
    beside = [tuple(np.add(segment_centre(segmentation, segment_id), (3.0, 0.0, 0.0))) for segment_id in ids]
    timed("stroke: save, write the layer (Slicer's own part)", lambda turn: editor.ball(ids[turn], beside[turn], 5.0))
    watch.settle()

    def stroke(turn: int) -> None:
        editor.ball(ids[turn], beside[turn + 1], 6.0)

    def settled(segment_id: str) -> None:
        watch.while_drawing(segment_id)
        watch.settle()
        measure()

    def widen(turn: int) -> None:
        editor.ball(ids[turn + 8], beside[turn + 8], 7.0)

    timed("stroke over a neighbour → settled → all 30 measured", lambda turn: settled(ids[turn]), prepare=stroke)
    timed("stroke on one lesion → settled → all 30 measured", lambda turn: settled(ids[turn + 8]), prepare=widen)
    timed("measuring all 30 where nothing has changed", lambda turn: measure())
    timed("settle where nothing has changed", lambda turn: watch.settle())

    def back(turn: int) -> None:
        editor.undo()
        watch.settle(True)
        measure()

    def forth(turn: int) -> None:
        editor.redo()
        watch.settle(True)
        measure()

    timed("undo → settled → measured", back, 5)
    timed("redo → settled → measured", forth, 5)
    for size in (12.0, 20.0, 40.0):
        timed(f"add by click, up to {size:.0f} mm", lambda turn, size=size: add_lesion(nodes, MISSED, size, editor), 1)  # type: ignore[misc]
        editor.undo()
        watch.forget()
    large = max(read_lesion_list(segmentation), key=lambda lesion: lesion.measurements.necrotic_ml)
    timed("fill necrosis", lambda turn: fill_necrosis(nodes, large.lesion_uid, editor), 3)
    timed("split in the middle", lambda turn: split_in_middle(segmentation, large.lesion_uid, editor), 3)
    display = segmentation.GetDisplayNode()

    def slide(turn: int) -> None:
        with slicer.util.NodeModify(display):
            for place, segment_id in enumerate(ids):
                display.SetSegmentVisibility(segment_id, place % (turn + 2) > 0)
        draw()

    timed("probability slider: hide and show, three views drawn", slide)
    display.SetAllSegmentsVisibility(True)

    def go(turn: int) -> None:
        show_lesion(segmentation, ids[turn])
        draw()

    timed("drawing three views where nothing has changed", lambda turn: draw())
    timed("row click: jump, three views drawn", go)
    print(f"{content.GetNumberOfSegments()} segments in {content.GetNumberOfLayers()} layers")


if __name__ == "__main__":
    main()

"""An examination under edit: real MRML, Slicer's own editor logic and undo history, and the watch that the panel keeps."""

from typing import Any

import numpy as np
import pytest

from drawn_heads import GRIDS, Ball, distance_mm, draw_finding, draw_head

# A ring with a necrotic core, a neighbour 2 mm beside it, one by itself, and a dumb-bell far off.
RING, NEIGHBOUR, LONE = Ball((20.0, 8.0, 10.0), 9.0, 4.0), Ball((3.0, 8.0, 10.0), 6.0), Ball((-25.0, -15.0, 0.0), 6.0)
BALLS = (RING, NEIGHBOUR, LONE)
EVERY_GRID = pytest.mark.parametrize("grid", list(GRIDS))
Point = tuple[float, float, float]


class Review:
    """One examination with its editor, and the watch that the panel keeps."""

    def __init__(self, grid: str, balls: tuple[Ball, ...] = BALLS, head: tuple[Ball, ...] | None = None) -> None:
        from BrainMetsAILib.scene.edit_watch import EditWatch
        from BrainMetsAILib.scene.editor_node import editor_node
        from BrainMetsAILib.scene.review import write_review
        from BrainMetsAILib.scene.volumes import add_volume
        from real_editor import RealEditor

        self.image = GRIDS[grid]
        self.nodes = write_review(add_volume(draw_head(self.image, head or balls), "T1c"), draw_finding(self.image, balls))
        self.segmentation = self.nodes.segmentation
        self.editor = RealEditor()
        self.editor.edit(editor_node(), self.segmentation, self.nodes.volume)
        self.editor.logic.SetMaximumNumberOfUndoStates(20)
        self.watch = EditWatch(self.segmentation)

    def segment(self, name: str) -> Any:
        content = self.segmentation.GetSegmentation()
        return content.GetSegment(content.GetSegmentIdBySegmentName(name))

    def id(self, name: str) -> str:
        return str(self.segmentation.GetSegmentation().GetSegmentIdBySegmentName(name))

    def uid(self, name: str) -> str:
        from BrainMetsAILib.scene import tags

        return tags.read_tag(self.segment(name), tags.LESION_UID)

    def mask(self, name: str) -> np.ndarray:
        """Full size on the volume's grid, by the project's reader."""
        from BrainMetsAILib.scene.masks import grid_of, segment_crop

        result = np.zeros(grid_of(self.segmentation).shape, bool)
        crop = segment_crop(self.segmentation, self.id(name), grid_of(self.segmentation))
        if crop is not None:
            result[crop.box] = crop.mask
        return result

    def names(self) -> list[str]:
        content = self.segmentation.GetSegmentation()
        return [content.GetSegment(segment_id).GetName() for segment_id in content.GetSegmentIDs()]

    def state(self) -> dict[str, tuple]:
        """Masks and tags of all segments."""
        result = {}
        for name in self.names():
            tags: Any = _all_tags(self.segment(name))
            result[name] = (np.packbits(self.mask(name)).tobytes(), tags)
        return result

    def stroke(self, name: str, ras: Point, radius: float, mode: str = "Add") -> None:
        """A stroke as the panel sees it: the layer is written, then the event loop comes round."""
        self.editor.ball(self.id(name), ras, radius, mode)
        self.watch.while_drawing(self.id(name))
        self.changes = self.watch.settle()


def _all_tags(segment: Any) -> dict[str, str]:
    from BrainMetsAILib.scene import tags

    keys = [value for key, value in vars(tags).items() if key.isupper() and isinstance(value, str) and value.startswith(tags.PREFIX)]
    return {key: tags.read_tag(segment, key) for key in keys if segment.HasTag(key)}


def inside(review: Review, ball: Ball, radius: float | None = None) -> np.ndarray:
    return np.asarray(distance_mm(review.image, ball.centre) < (radius or ball.radius_mm))


def entries(event: str) -> list[dict[str, Any]]:
    from BrainMetsAILib.scene.log import read_log

    return [entry for entry in read_log() if entry["event"] == event]


def check_invariant(review: Review) -> None:
    lesions = np.zeros(review.mask("Necrosis").shape, np.int8)
    for name in review.names():
        if name != "Necrosis":
            lesions += review.mask(name)
    assert lesions.max() <= 1, "lesions overlap"
    assert not (review.mask("Necrosis") & (lesions == 0)).any(), "necrosis outside lesions"

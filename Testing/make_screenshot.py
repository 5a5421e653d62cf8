"""Makes the extension's screenshot from a scene file: ``python Testing/make_screenshot.py demo/scene.mrb``.

Three slice views and the 3D view of the first examination, rendered offscreen at its largest lesion, go to
Resources/Screenshots/review.png, which the Extensions Index shows.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CHECKOUT = Path(__file__).resolve().parents[1]
TARGET = CHECKOUT / "Resources" / "Screenshots" / "review.png"
SIZE, GAP = 480, 4


def four_views(segmentation: Any) -> Image.Image:
    """Axial, 3D, coronal and sagittal, as Slicer's own layout of four has them."""
    import slicer

    from BrainMetsAILib.scene.layout import segment_centre, show_review
    from BrainMetsAILib.scene.review import review_nodes
    from BrainMetsAILib.scene.segments import lesion_segment_ids
    from offscreen_views import SliceView, ThreeDView

    nodes = review_nodes(segmentation)
    segmentation.GetDisplayNode().RemoveAllViewNodeIDs()
    segmentation.CreateClosedSurfaceRepresentation()
    show_review(nodes, probability_opacity=0.0)
    centre = segment_centre(segmentation, lesion_segment_ids(segmentation)[0])
    pictures = []
    for name in ("Red", "Green", "Yellow"):
        view = SliceView(name, (SIZE, SIZE))
        view.logic.FitSliceToAll(SIZE, SIZE)
        view.node.JumpSliceByOffsetting(*centre)
        pictures.append(view.colours())
    three_d = ThreeDView((SIZE, SIZE))
    slicer.app.processEvents()
    pictures.insert(1, three_d.colours())
    sheet = Image.new("RGB", (2 * SIZE + GAP, 2 * SIZE + GAP), (90, 90, 90))
    for index, picture in enumerate(pictures):
        place = ((index % 2) * (SIZE + GAP), (index // 2) * (SIZE + GAP))
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture[..., :3])), place)
    return sheet


def main(arguments: list[str]) -> int:
    """Write the screenshot; returns the exit status."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    from BrainMetsAILib.scene.headless import headless_scene
    from BrainMetsAILib.scene.mrb import load_mrb
    from BrainMetsAILib.scene.review import reviews

    headless_scene()
    load_mrb(Path(arguments[0]))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    four_views(reviews()[0]).save(TARGET, optimize=True)
    print(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

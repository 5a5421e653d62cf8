"""Ways to lay out the views for reading, one click each, and the thick-slab maximum in axial views."""

from __future__ import annotations

from typing import Any

import slicer

from BrainMetsAILib.images.examination import Role
from BrainMetsAILib.scene.case_volumes import CASE_ROLES, chosen_volume
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.overlays import show_overlay
from BrainMetsAILib.scene.review import review_of, reviews
from BrainMetsAILib.scene.settings import settings_node
from BrainMetsAILib.scene.slice_views import COLUMNS, composite_node, composites, copy_view, slice_node

AXIAL, SEQUENCES, PLANES = "axial", "sequences", "planes"
ARRANGEMENT = "Reading.Arrangement"  # parameter of the settings node: the layout before the module was left
GROUP = 20  # view group of `COLUMNS`: what happens in one happens in all, and nowhere else
TWO_COLUMNS = 7962  # number of the layout for two sequences; those for three and four follow
LABELS = {Role.T1C: "T1c", Role.T1N: "T1", Role.T2W: "T2", Role.T2F: "FLAIR"}
SLAB_MM = (3.0, 15.0)
MAXIMUM = 1  # VTK_IMAGE_SLAB_MAX


def register_layouts() -> None:
    """Make the layouts known to the application, before a scene file that uses one is loaded."""
    node = _layout_node()
    for count in (2, 3, 4):
        if not node.AddLayoutDescription(TWO_COLUMNS + count - 2, _description(count)):
            node.SetLayoutDescription(TWO_COLUMNS + count - 2, _description(count))
    if shown_layout() == SEQUENCES:  # a scene file may have asked for it before it was known
        node.SetViewArrangement(node.GetViewArrangement())


def sequences() -> list[Any]:
    """The volumes of the case that can be compared, the T1c first."""
    return [volume for volume in (chosen_volume(role) for role in CASE_ROLES) if volume is not None]


def shown_layout() -> str:
    """Which of the reading layouts is on; empty where none is."""
    arrangement = _layout_node().GetViewArrangement()
    if arrangement in (TWO_COLUMNS, TWO_COLUMNS + 1, TWO_COLUMNS + 2):
        return SEQUENCES
    plain = {value: key for key, value in _plain_arrangements().items()}
    return plain.get(arrangement, "")


def apply_layout(name: str) -> None:
    """Switch to a reading layout with the case in it. Views get their size afterwards: call `fit_views` by a zero timer then.

    Raises
    ------
    ValueError
        For `SEQUENCES` where there is no second sequence to show.
    """
    volumes = sequences()
    if name == SEQUENCES:
        if len(volumes) < 2:
            raise ValueError("There is no other sequence to show beside the T1 with contrast; choose one in the case section.")
        register_layouts()
        _layout_node().SetViewArrangement(TWO_COLUMNS + len(volumes) - 2)
    else:
        _layout_node().SetViewArrangement(_plain_arrangements()[name])
    append_log("layout", shown=name)
    fill_views()


def fill_views() -> None:
    """Put the case into the views of the layout that is on: after a switch, after a scene was loaded, when a sequence was chosen.

    A scene file brings view groups back as 1, so they are set here too.
    """
    volumes = sequences()
    if not volumes:
        return
    if shown_layout() == SEQUENCES:
        roles = [role for role in CASE_ROLES if chosen_volume(role) is not None]
        shown = [(name, role) for name, role in zip(COLUMNS, roles, strict=False) if slice_node(name) is not None]
        for name, role in shown:
            slice_node(name).SetViewGroup(GROUP)
            slice_node(name).SetLayoutLabel(LABELS[role])
            composite = composite_node(name)
            composite.SetHotLinkedControl(False)
            composite.SetLinkedControl(False)  # else every volume goes into every view
            composite.SetBackgroundVolumeID(chosen_volume(role).GetID())
        for name, _ in shown:  # linked only now that each view has its own volume
            composite_node(name).SetHotLinkedControl(True)
            composite_node(name).SetLinkedControl(True)
    else:
        _fill_plain_views(volumes)
    review = review_of(volumes[0])
    if review is not None:
        show_overlay(review)


def place_of_views() -> tuple[float, float, float]:
    """Where the axial view is (RAS mm): the middle of what it shows."""
    node = slice_node(COLUMNS[0]) if shown_layout() == SEQUENCES else slice_node("Red")
    matrix = (node or slice_node("Red")).GetSliceToRAS()
    return matrix.GetElement(0, 3), matrix.GetElement(1, 3), matrix.GetElement(2, 3)


def fit_views(place: tuple[float, float, float]) -> None:
    """Show the whole head in every view, in slices through a place (RAS mm); once the views have their size.

    Sequences side by side show the same part, though their fields of view may differ.
    """
    slicer.app.applicationLogic().FitSliceToBackground()
    first = slice_node(COLUMNS[0])
    for node in (slice_node(name) for name in COLUMNS[1:]):
        if first is not None and node is not None:
            copy_view(first, node)
    keep_slab()
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *place, slicer.vtkMRMLSliceNode.OffsetJumpSlice)


def remember_layout() -> None:
    """The module is left: which layout was on."""
    if not comparison_shown():
        settings_node().SetParameter(ARRANGEMENT, str(_layout_node().GetViewArrangement()))


def leave_comparison() -> bool:
    """The module is opened: put the layout that it was left with back in the place of a comparison of two examinations.

    Returns
    -------
    bool
        Whether there was a comparison; the views have then to be filled and fitted.
    """
    if not comparison_shown():
        return False
    before = settings_node().GetParameter(ARRANGEMENT)
    _layout_node().SetViewArrangement(int(before) if before else slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    return True


def comparison_shown() -> bool:
    """Whether the views show two examinations side by side, as the response module leaves them."""
    rows = _layout_node().GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView
    return rows and any(node.GetDisplayNode() and node.GetDisplayNode().GetNumberOfViewNodeIDs() for node in reviews())


def slab_mm() -> float:
    """Thickness of the axial maximum; 0 where it is off."""
    node = slice_node("Red")
    return 0.0 if node is None else slab_of(node)


def slab_of(node: Any) -> float:
    """Thickness of the maximum that one slice view was told to show; 0 where it shows no maximum."""
    maximum = node.GetSlabReconstructionEnabled() and node.GetSlabReconstructionType() == MAXIMUM
    return float(node.GetSlabReconstructionThickness()) if maximum else 0.0


def set_slab(thickness_mm: float) -> None:
    """Show the brightest value within a slab of that thickness around each axial slice; 0 switches it off.

    Small metastases stay round spots while vessels become lines. Outlines are still those of the slice in the middle.
    """
    for name in ("Red", *COLUMNS):
        node = slice_node(name)
        if node is None:
            continue
        with slicer.util.NodeModify(node):
            node.SetSlabReconstructionEnabled(thickness_mm > 0)
            if thickness_mm > 0:
                node.SetSlabReconstructionType(MAXIMUM)
                # Slicer takes thickness/s samples (s mm: the volume's slice spacing), s/factor × the view's own slice thickness
                # apart: only with that last thickness as the factor is the slab as thick as was asked for (with the usual 2, about half).
                node.SetSlabReconstructionOversamplingFactor(node.GetFieldOfView()[2])
                node.SetSlabReconstructionThickness(min(max(thickness_mm, SLAB_MM[0]), SLAB_MM[1]))


def log_slab() -> None:
    """Note the slab's thickness in the log, 0 for none; once it stays as it is, not at every step of a slider."""
    append_log("slab", thickness_mm=slab_mm())


def keep_slab() -> None:
    """Give new views the slab, and views that were fitted to another volume their factor."""
    if slab_mm() > 0:
        set_slab(slab_mm())


def _fill_plain_views(volumes: list[Any]) -> None:
    """The T1c in the standard views, unless a person looks at another volume of the case in one."""
    own = {volume.GetID() for volume in volumes}
    for composite in composites():
        if composite.GetLayoutName() not in COLUMNS and composite.GetBackgroundVolumeID() not in own:
            composite.SetBackgroundVolumeID(volumes[0].GetID())


def _layout_node() -> Any:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _plain_arrangements() -> dict[str, int]:
    kind = slicer.vtkMRMLLayoutNode
    return {AXIAL: kind.SlicerLayoutOneUpRedSliceView, PLANES: kind.SlicerLayoutFourUpView}


def _description(count: int) -> str:
    """Two columns, or two by two: each slice view demands 318 pixels, so more columns would widen the window."""
    views = [_view(name, label) for name, label in zip(COLUMNS[:count], ("1", "2", "3", "4"), strict=False)]
    rows = [views[:2], views[2:]] if count > 2 else [views]
    lines = ['<layout type="horizontal" split="true">' + "".join(f"<item>{view}</item>" for view in row) + "</layout>" for row in rows]
    if len(lines) == 1:
        return lines[0]
    return '<layout type="vertical" split="true">' + "".join(f"<item>{line}</item>" for line in lines) + "</layout>"


def _view(name: str, label: str) -> str:
    return (
        f'<view class="vtkMRMLSliceNode" singletontag="{name}">'
        f'<property name="orientation" action="default">Axial</property>'
        f'<property name="viewlabel" action="default">{label}</property>'
        f'<property name="viewcolor" action="default">#F34A33</property>'
        f'<property name="viewgroup" action="default">{GROUP}</property></view>'
    )

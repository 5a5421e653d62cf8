"""A real MRML scene without the desktop application, from the `slicer-core` wheel: for the command line and the tests.

The desktop never calls this. What the application's Python layer adds to the `slicer` package (``slicer.mrmlScene``, ``slicer.app``,
``slicer.modules``) is stood in for as thinly as possible, so that an attribute the desktop has and this lacks fails loudly.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
import types
from typing import Any

# Name, orientation and colour of the desktop's standard slice views.
SLICE_VIEWS = (
    ("Red", "Axial", (0.953, 0.290, 0.200)),
    ("Yellow", "Sagittal", (0.929, 0.835, 0.298)),
    ("Green", "Coronal", (0.431, 0.690, 0.294)),
)


class HeadlessApplication:
    """The few calls of ``slicer.app`` that the library's scene code makes."""

    def __init__(self, application_logic: Any) -> None:
        self._application_logic = application_logic
        self.temporaryPath = _temporary_folder("brainmets_scene_")

    def applicationLogic(self) -> Any:
        """The one application logic."""
        return self._application_logic

    def testingEnabled(self) -> bool:
        """No person is there to answer."""
        return True

    def layoutManager(self) -> None:
        """There are no widgets."""
        return None

    def processEvents(self) -> None:
        """There is no event loop."""

    def pauseRender(self) -> None:
        """Nothing is drawn."""

    def resumeRender(self) -> None:
        """Nothing is drawn."""


class HeadlessModule:
    """Stands for ``slicer.modules.<name>``: its logic and nothing else."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> Any:
        """The module's real logic."""
        return self._logic


def _temporary_folder(prefix: str) -> str:
    """A folder that is gone when the process ends."""
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


_kept: list[Any] = []  # logics that MRML refers to without owning them


def headless_scene() -> Any:
    """The process's scene, empty but for three slice views, a 3D view and a layout.

    Returns
    -------
    vtkMRMLScene
        Also found as ``slicer.mrmlScene``. A second call empties the same scene; views and other singletons stay, as in the desktop.

    Raises
    ------
    RuntimeError
        Inside the desktop application, which has a scene of its own.
    """
    import slicer

    if _kept:
        slicer.mrmlScene.Clear(False)
        _remove_other_views()
        _orient_views()
        return slicer.mrmlScene
    if getattr(slicer, "mrmlScene", None) is not None:
        raise RuntimeError("The desktop application has a scene already; use slicer.mrmlScene.")
    _start()
    _add_views()
    _orient_views()
    return slicer.mrmlScene


def _start() -> None:
    """Make the scene, the application logic and the logics that nodes, storage and views need."""
    import slicer
    import vtk

    scene = slicer.vtkMRMLScene()
    # Else the desktop warns that the file comes from an application called "slicer-core" and may not load correctly. The oldest
    # version that the extension supports: a file "from a newer version" would be warned about too.
    scene.SetVersion("Slicer 5.10.0 0")
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)  # makes the selection and interaction nodes
    colours = application.GetColorLogic()
    colours.SetMRMLScene(scene)
    colours.AddDefaultColorNodes()
    application.SetModuleLogic("Colors", colours)  # the Volumes logic asks for it by name
    application.SetSliceLogics(vtk.vtkCollection())
    application.SetViewLogics(vtk.vtkCollection())
    slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(application)
    slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(application)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)

    # In the desktop the Colors module's logic, which knows legends, is the application's colour logic; here it stands beside it, without
    # the scene, for which it would look for the application's colour files.
    legends = slicer.vtkSlicerColorLogic()
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    modules: dict[str, Any] = {"colors": legends}
    for name, factory in (
        ("Volumes", slicer.vtkSlicerVolumesLogic),
        ("Segmentations", slicer.vtkSlicerSegmentationsModuleLogic),
        ("SubjectHierarchy", slicer.vtkSlicerSubjectHierarchyModuleLogic),
        ("Markups", slicer.vtkSlicerMarkupsLogic),
        ("Models", slicer.vtkSlicerModelsLogic),
        ("Tables", slicer.vtkSlicerTablesLogic),
        ("Transforms", slicer.vtkSlicerTransformLogic),
        ("Units", slicer.vtkSlicerUnitsLogic),
        ("Texts", slicer.vtkSlicerTextsLogic),
    ):
        logic = factory()
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
        application.SetModuleLogic(name, logic)
        modules[name.lower()] = logic

    # Reading an MRB goes through the data manager, also for local files.
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application)
    remote.GetCacheManager().SetRemoteCacheDirectory(_temporary_folder("brainmets_cache_"))
    data_io = slicer.vtkDataIOManagerLogic()
    data_io.SetMRMLScene(scene)
    data_io.SetMRMLApplicationLogic(application)
    data_io.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()

    slicer.mrmlScene = scene
    slicer.app = HeadlessApplication(application)
    slicer.modules = types.ModuleType("slicer.modules")
    sys.modules["slicer.modules"] = slicer.modules
    for name, logic in modules.items():
        setattr(slicer.modules, name, HeadlessModule(name, logic))
    _kept.extend((scene, application, remote, data_io, *modules.values()))


def _add_views() -> None:
    """The nodes of the desktop's standard views, with the names by which it takes them over when it opens the scene."""
    import slicer

    scene, application = slicer.mrmlScene, slicer.app.applicationLogic()
    for name, _, colour in SLICE_VIEWS:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        application.GetSliceLogics().AddItem(logic)
        node = logic.AddSliceNode(name)
        node.SetLayoutLabel(name[0])
        node.SetLayoutColor(*colour)
        logic.ResizeSliceNode(500, 500)
    view_logic = slicer.vtkMRMLViewLogic()
    view_logic.SetMRMLApplicationLogic(application)
    view_logic.SetMRMLScene(scene)
    application.GetViewLogics().AddItem(view_logic)
    view_logic.AddViewNode("1")
    layout = slicer.vtkMRMLLayoutLogic()
    layout.SetMRMLScene(scene)
    _kept.append(layout)


def _remove_other_views() -> None:
    """Slice views that a comparison added: clearing a scene keeps them."""
    import slicer

    standard = {name for name, _, _ in SLICE_VIEWS}
    for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
        for node in slicer.util.getNodesByClass(kind):
            if node.GetLayoutName() not in standard:
                slicer.mrmlScene.RemoveNode(node)
    layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)


def _orient_views() -> None:
    """Axial, sagittal, coronal: clearing a scene turns all slice views into the same oblique one."""
    import slicer

    for name, orientation, _ in SLICE_VIEWS:
        node = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}")
        node.SetOrientation(orientation)
        node.SetSliceResolutionMode(slicer.vtkMRMLSliceNode.SliceResolutionMatch2DView)

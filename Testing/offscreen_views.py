"""Real slice and 3D views, rendered without a window: what a person would see, as arrays of colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SLICE_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
)
VIEW_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)


class SliceView:
    """One of the scene's slice views: ``Red``, ``Yellow``, ``Green``, or one that a layout made."""

    def __init__(self, name: str, size: tuple[int, int] = (500, 500)) -> None:
        application = slicer.app.applicationLogic()
        self.renderer = vtk.vtkRenderer()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        overlay = vtk.vtkRenderer()
        overlay.SetLayer(1)
        overlay.GetActiveCamera().ParallelProjectionOn()
        self.window = _window(size)
        self.window.SetNumberOfLayers(2)
        self.window.SetAlphaBitPlanes(1)
        self.window.AddRenderer(self.renderer)
        self.window.AddRenderer(overlay)
        self.mapper = vtk.vtkImageMapper()
        self.mapper.SetColorWindow(255)
        self.mapper.SetColorLevel(127.5)
        blank = vtk.vtkImageData()
        blank.SetDimensions(1, 1, 1)
        blank.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 4)
        self.mapper.SetInputData(blank)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self.mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)  # before the displayable managers' props, else 2D fills blend against black
        self.interactor = _interactor(self.window)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        self.group = _managers(factory, SLICE_MANAGERS, self.renderer)
        self.node = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}")
        found = [logic for logic in application.GetSliceLogics() if logic.GetSliceNode() is self.node]
        self.logic = found[0] if found else _new_logic(self.node)
        self.logic.ResizeSliceNode(*size)
        self.group.SetMRMLDisplayableNode(self.node)

    def jump(self, ras: tuple[float, float, float], field_mm: float) -> None:
        """Centre the view on a place, with that many millimetres across."""
        self.node.SetFieldOfView(field_mm, field_mm, self.node.GetFieldOfView()[2])
        self.node.JumpSliceByCentering(*ras)

    def pixel(self, ras: tuple[float, float, float]) -> tuple[int, int]:
        """(row, column) of a place (RAS mm) in `colours`."""
        to_xy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), to_xy)
        x, y, _, _ = to_xy.MultiplyPoint((*ras, 1.0))
        return self.window.GetSize()[1] - 1 - round(y), round(x)

    def colours(self) -> np.ndarray:
        """What the view shows, uint8 [row, column, RGB], row 0 on top."""
        connection = self.logic.GetImageDataConnection()
        if connection is not None:
            self.mapper.SetInputConnection(connection)
        return _colours(self.window)


class ThreeDView:
    """The scene's 3D view."""

    def __init__(self, size: tuple[int, int] = (400, 400)) -> None:
        self.renderer = vtk.vtkRenderer()
        self.window = _window(size)
        self.window.AddRenderer(self.renderer)
        self.interactor = _interactor(self.window)
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self.group = _managers(factory, VIEW_MANAGERS, self.renderer)
        self.node = slicer.mrmlScene.GetNodeByID("vtkMRMLViewNode1")
        self.node.SetBoxVisible(False)
        self.node.SetAxisLabelsVisible(False)
        self.group.SetMRMLDisplayableNode(self.node)

    def colours(self) -> np.ndarray:
        """What the view shows after the camera was set to see everything, uint8 [row, column, RGB]."""
        self.window.Render()
        self.renderer.ResetCamera()
        return _colours(self.window)


def _new_logic(node: Any) -> Any:
    """What the desktop's slice widget makes for a view of its own."""
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSliceNode(node)
    return logic


def _window(size: tuple[int, int]) -> Any:
    window = vtk.vtkRenderWindow()
    window.ShowWindowOff()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(*size)
    return window


def _interactor(window: Any) -> Any:
    interactor = vtk.vtkRenderWindowInteractor()
    interactor.SetRenderWindow(window)
    interactor.Initialize()
    return interactor


def _managers(factory: Any, names: tuple[str, ...], renderer: Any) -> Any:
    factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    for name in names:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.SetRenderer(renderer)
    group.Initialize(factory, renderer)
    return group


def _colours(window: Any) -> np.ndarray:
    window.Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    grabber.SetInputBufferTypeToRGB()
    grabber.Update()
    image = grabber.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()

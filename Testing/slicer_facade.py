"""What Slicer's application adds around modules, as thin stand-ins on the real scene of `scene/headless.py`, for tests of the panels."""

import importlib.util
import inspect
import sys
import tempfile
import types
import unittest
from pathlib import Path
from typing import Any

import pythonqt_facade
import segment_editor_facade
from pythonqt_facade import QtCore, QtWidgets, ctk, pythonqt, qt

CHECKOUT = Path(__file__).resolve().parents[1]
MODULE_FILES = {name: CHECKOUT / name / f"{name}.py" for name in ("BrainMetsAI", "BrainMetsAIResponse")}


class Application(pythonqt(QtCore.QObject)):  # type: ignore[misc]
    """``slicer.app`` as far as the panels use it; everything else is asked of the headless application, which knows little on purpose."""

    aboutToQuit = QtCore.Signal()
    startupCompleted = QtCore.Signal()
    moduleAboutToBeUnloaded = QtCore.Signal(str)
    applicationName = "Slicer"
    slicerHome = "/nonexistent"
    _layout_manager: Any = None

    def __init__(self, headless: Any) -> None:
        super().__init__()
        self._headless = headless
        self._settings_folder = tempfile.TemporaryDirectory(prefix="slicer_settings_")

    @property
    def slicerUserSettingsFilePath(self) -> str:
        """The file of the person's settings, whose folder holds what a module keeps between sessions."""
        return str(Path(self._settings_folder.name, "Slicer.ini"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_headless" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.__dict__["_headless"], name)

    def layoutManager(self) -> Any:
        """The slice views that clicks come from."""
        if self._layout_manager is None:
            self._layout_manager = segment_editor_facade.LayoutManager()
        return self._layout_manager

    def commandOptions(self) -> Any:
        """As started with --testing --no-main-window."""
        return types.SimpleNamespace(noMainWindow=True, testingEnabled=True)

    def moduleManager(self) -> Any:
        """Tells when a module is unloaded."""
        return self

    def module(self, name: str) -> Any:
        """A loaded module."""
        import slicer

        return getattr(slicer.modules, name.lower())

    def processEvents(self, *_: Any) -> None:
        """Handle what waits in the event loop."""
        QtWidgets.QApplication.processEvents()

    def translate(self, context: str, text: str) -> str:
        """No translation is loaded."""
        return text

    def clipboard(self) -> Any:
        """The one of the offscreen platform."""
        return QtWidgets.QApplication.clipboard()

    def topLevelWidgets(self) -> list[Any]:
        """There is no main window."""
        return []

    def userSettings(self) -> Any:
        """The person's settings."""
        return QtCore.QSettings(self.slicerUserSettingsFilePath, QtCore.QSettings.Format.IniFormat)


class ScriptedLoadableModule:
    """Base of a module class."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__

    def resourcePath(self, filename: str) -> str:
        """Absolute path below the module's Resources."""
        return str(Path(self.parent.path).parent / "Resources" / filename)


class ScriptedLoadableModuleWidget:
    """Base of a module's widget class."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent
        self.layout = parent.layout()

    def resourcePath(self, filename: str) -> str:
        """Absolute path below the module's Resources."""
        import slicer

        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self) -> None:
        """Nothing: the developer's buttons are not shown."""

    def cleanup(self) -> None:
        """To be overridden."""


class ScriptedLoadableModuleLogic:
    """Base of a module's logic class."""


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of a module's self-test."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.messageDelay = 0

    def delayDisplay(self, message: str, *_: Any) -> None:
        """Only logged."""

    def runTest(self) -> None:
        """To be overridden."""


class qSlicerScriptedLoadableModuleWidget:
    """The C++ side of a module's panel, which `slicer.util.getModuleWidget` asks for the Python side."""

    def __init__(self, widgets: dict[str, Any], name: str) -> None:
        self._widgets, self._name = widgets, name

    def self(self) -> Any:
        """The Python side."""
        return self._widgets[self._name]


class SampleDataLogic:
    """Registration of sample data, with the parameters that Slicer 5.10 has."""

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom", sampleName: Any = None, uris: Any = None, fileNames: Any = None, nodeNames: Any = None,
        customDownloader: Any = None, thumbnailFileName: Any = None, loadFileTypes: Any = None, loadFiles: Any = None,
        loadFileProperties: Any = None, checksums: Any = None,
    ) -> None:
        """Keep it in ``slicer.modules.sampleDataSources``."""
        import slicer

        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        source = types.SimpleNamespace(
            sampleName=sampleName, uris=[uris], fileNames=[fileNames], nodeNames=[nodeNames], customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName,
        )
        assert isinstance(uris, str), "Slicer counts the URIs, so there has to be one"
        slicer.modules.sampleDataSources.setdefault(category, []).append(source)


_kept: list[Any] = []  # Qt and Python disagree about who deletes what first: nothing of the facade is deleted before the process ends


def _module(name: str, **content: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    for key, value in content.items():
        setattr(module, key, value)
    return module


def _translated(text: str) -> str:
    inspect.currentframe()
    return text


class SlicerFacade:
    """Puts the stand-ins in place, and takes them away again for the tests of other tiers in the same process."""

    def __init__(self) -> None:
        import slicer

        from BrainMetsAILib.scene.headless import headless_scene

        self.scene = headless_scene()
        self._replaced: list[tuple[Any, str, Any]] = []
        self._modules: dict[str, Any] = {}
        self._widgets: dict[str, Any] = {}
        _kept.append(Application(slicer.app))
        self._set(slicer, "app", _kept[-1])
        for kind in (*pythonqt_facade.STAND_INS, qSlicerScriptedLoadableModuleWidget):
            self._set(slicer, kind.__name__, kind)
        names = [ScriptedLoadableModule, ScriptedLoadableModuleWidget, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest]
        base = _module("slicer.ScriptedLoadableModule", **{kind.__name__: kind for kind in names})
        i18n = _module("slicer.i18n", tr=_translated, translate=lambda context, text: text)
        self._set(slicer, "ScriptedLoadableModule", base)
        self._set(slicer, "i18n", i18n)
        for name, module in {
            "qt": qt, "ctk": ctk, "slicer.ScriptedLoadableModule": base, "slicer.i18n": i18n,
            "SampleData": _module("SampleData", SampleDataLogic=SampleDataLogic),
        }.items():
            self._modules[name] = sys.modules.get(name)
            sys.modules[name] = module

    def _set(self, holder: Any, name: str, value: Any) -> None:
        self._replaced.append((holder, name, getattr(holder, name, None)))
        setattr(holder, name, value)

    def remove(self) -> None:
        """Put back what was there before."""
        pythonqt_facade.qMRMLNodeComboBox.release_all()
        for holder, name, value in reversed(self._replaced):
            if value is None:
                delattr(holder, name)
            else:
                setattr(holder, name, value)
        for name, module in self._modules.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
        self.scene.Clear(0)

    def load(self, name: str, path: Path | None = None) -> Any:
        """Import a module's file as Slicer does and instantiate its module class; returns the Python module."""
        import slicer

        path = path or MODULE_FILES[name]
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        self._modules.setdefault(name, None)
        spec.loader.exec_module(module)
        parent = types.SimpleNamespace(path=str(path), title="", icon=None)
        representation = qSlicerScriptedLoadableModuleWidget(self._widgets, name)
        entry = types.SimpleNamespace(path=str(path), name=name, widgetRepresentation=lambda: representation)
        self._set(slicer.modules, name.lower(), entry)
        module.instance = getattr(module, name)(parent)  # type: ignore[attr-defined]
        return module

    def panel(self, module: Any) -> Any:
        """The module's widget, set up in a parent as the application makes it."""
        parent = pythonqt_facade.qMRMLWidget()
        parent.setLayout(qt.QVBoxLayout())
        parent.setMRMLScene(self.scene)
        widget = getattr(module, f"{module.__name__}Widget")(parent)
        _kept.append((parent, widget))
        self._widgets[module.__name__] = widget
        widget.setup()
        return widget

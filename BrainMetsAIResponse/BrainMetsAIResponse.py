"""The module BrainMetsAIResponse: compares two examinations of one patient, lesion by lesion and as a whole. Wiring only."""

import runpy
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

HOMEPAGE = "https://github.com/BrainMetsAI/SlicerBrainMetsAI"


class BrainMetsAIResponse(ScriptedLoadableModule):
    """What Slicer needs to know of the module."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        parent.title = _("BrainMetsAI Response")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["BrainMetsAI"]
        parent.contributors = ["The BrainMetsAI contributors"]
        parent.helpText = _(
            "<p>Compares the lesions of two examinations that the module <b>BrainMetsAI</b> found: registers the follow-up rigidly to the "
            "baseline, finds out which lesion is which, and says how each and the patient respond, by RANO-BM (diameters) and by enhancing "
            "volume, with necrosis excluded. Choose both examinations and press <b>Compare</b>.</p>"
            "<p>RANO-BM also asks for steroids, clinical state and earlier examinations, which images do not show.</p>"
            "<p><b>For research only, not a medical device.</b> Not made for leptomeningeal, dural or skull metastases.</p>"
            '<p>See the <a href="{homepage}">documentation</a>.</p>'
        ).format(homepage=HOMEPAGE)
        parent.acknowledgementText = _(
            "Criteria: RANO-BM (Lin et al., Lancet Oncology 2015, doi:10.1016/S1470-2045(15)70057-4). Built on 3D Slicer, ITK and VTK."
        )


class BrainMetsAIResponseWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: builds the sections and tells them what happens in the scene."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self) -> None:
        """Called when the module is opened for the first time, and after a reload."""
        super().setup()
        from BrainMetsAILib.panel.process import WorkerProcess
        from BrainMetsAILib.panel.questions import Questions
        from BrainMetsAIResponseLib.panel.pair_section import PairSection
        from BrainMetsAIResponseLib.panel.result_section import ResultSection

        self.worker = WorkerProcess()
        self.later = qt.QTimer()  # what many events ask for within one turn of the event loop is done once
        self.later.setSingleShot(True)
        self.later.setInterval(0)
        self.later.connect("timeout()", self.refresh)
        self.roots = [self.load(name) for name in ("BrainMetsAIResponsePair", "BrainMetsAIResponseResult")]
        pair, result = (slicer.util.childWidgetVariables(root) for root in self.roots)
        self.pair = PairSection(pair, self.worker, Questions(), self.refresh)
        self.result = ResultSection(result)
        self.layout.addStretch(1)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.on_scene_closing)
        for event in (scene.EndCloseEvent, scene.EndImportEvent, scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self.addObserver(scene, event, self.on_scene_changed)
        slicer.app.connect("aboutToQuit()", self.worker.stop)
        self.refresh()

    def load(self, name: str) -> Any:
        """Load a section's .ui file into the panel."""
        root = slicer.util.loadUI(self.resourcePath(f"UI/{name}.ui"))
        self.layout.addWidget(root)
        root.setMRMLScene(slicer.mrmlScene)
        return root

    def cleanup(self) -> None:
        """Called at exit and before a reload: leave nothing connected or running."""
        slicer.app.disconnect("aboutToQuit()", self.worker.stop)
        self.removeObservers()
        self.later.stop()
        self.pair.release()
        self.worker.stop()
        for root in self.roots:  # a reload only hides them
            root.deleteLater()

    def enter(self) -> None:
        """Called each time the module is opened."""
        from BrainMetsAIResponseLib.panel.choices import choose_if_obvious

        choose_if_obvious()
        self.refresh()

    def refresh(self) -> None:
        """Show what the scene holds."""
        if slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting():
            return  # the event that ends it follows
        self.pair.refresh()
        self.result.refresh()

    def on_scene_closing(self, caller: Any, event: str) -> None:
        """What runs was meant for the scene that goes."""
        self.worker.forget()

    def on_scene_changed(self, caller: Any, event: str) -> None:
        """Nodes came or went, or a scene was loaded."""
        self.later.start()


class BrainMetsAIResponseTest(ScriptedLoadableModuleTest):
    """The self-test; its steps are in Testing/Python/BrainMetsAIResponseSelfTest.py."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run the module's main job on the practice case."""
        self.setUp()
        self.test_practice_case()

    def test_practice_case(self) -> None:
        """Compare the two examinations of a practice case by their true outlines."""
        folder = Path(__file__).parent / "Testing" / "Python"  # not on Python's path
        runpy.run_path(str(folder / "BrainMetsAIResponseSelfTest.py"))["run"](self)

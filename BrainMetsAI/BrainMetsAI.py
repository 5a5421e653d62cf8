"""The module BrainMetsAI: finds lesions on contrast-enhanced T1-weighted MRI of the head, shows and measures them. Wiring only."""

import runpy
import unittest
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

SECTIONS = (
    "Case", "Recovery", "Setup", "Find", "Reading", "Lesions", "Edit", "Explain", "Finish", "Practice", "Preflight",
)  # fmt: skip
"""The panel from top to bottom; each has its .ui file."""
HOMEPAGE = "https://github.com/BrainMetsAI/SlicerBrainMetsAI"


class BrainMetsAI(ScriptedLoadableModule):
    """What Slicer needs to know of the module."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        parent.title = _("BrainMetsAI")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = []
        parent.contributors = ["The BrainMetsAI contributors"]
        parent.helpText = _(
            "<p>Finds brain metastases on contrast-enhanced T1-weighted MRI, outlines each as a segment, and measures it with necrosis "
            "excluded. Choose a volume and press <b>Find lesions</b>; a click on a row of the table shows the lesion in every view. "
            "The module <b>BrainMetsAI Response</b> compares two examinations.</p>"
            "<p>Everything is computed on this computer; nothing is sent anywhere.</p>"
            "<p><b>For research only, not a medical device.</b> Not made for leptomeningeal, dural or skull metastases.</p>"
            '<p>See the <a href="{homepage}">documentation</a>.</p>'
        ).format(homepage=HOMEPAGE)
        parent.acknowledgementText = _(
            "The bundled network was trained on synthetic lesions in public volumes; its model card names them. Measurements follow "
            "RANO-BM (Lin et al., Lancet Oncology 2015, doi:10.1016/S1470-2045(15)70057-4). Built on 3D Slicer, ITK, VTK and PyTorch."
        )
        slicer.app.connect("startupCompleted()", register_sample_data)


def register_sample_data() -> None:
    """Offer the practice case in the Sample Data module, and make the reading layouts known before a scene that uses one is loaded."""
    from BrainMetsAILib.panel import sample_data
    from BrainMetsAILib.scene.reading_layouts import register_layouts

    register_layouts()

    sample_data.register_sample_data(Path(__file__).parent / "Resources" / "Icons" / "BrainMetsAI.png")


class BrainMetsAIWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: builds the sections and tells them what happens in the scene."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self) -> None:
        """Called when the module is opened for the first time, and after a reload."""
        super().setup()
        from BrainMetsAILib.panel.case_section import CaseSection
        from BrainMetsAILib.panel.edit_section import EditSection
        from BrainMetsAILib.panel.explain_section import ExplainSection
        from BrainMetsAILib.panel.find_section import FindSection
        from BrainMetsAILib.panel.finish_section import FinishSection
        from BrainMetsAILib.panel.lesions_section import LesionsSection
        from BrainMetsAILib.panel.practice_section import PracticeSection
        from BrainMetsAILib.panel.preflight_section import PreflightSection
        from BrainMetsAILib.panel.prior_section import PriorSection
        from BrainMetsAILib.panel.process import WorkerProcess
        from BrainMetsAILib.panel.questions import Questions
        from BrainMetsAILib.panel.reading_section import ReadingSection
        from BrainMetsAILib.panel.recovery_section import RecoverySection
        from BrainMetsAILib.panel.setup_section import SetupSection

        questions = Questions()
        self.worker = WorkerProcess()
        self.later = qt.QTimer()  # what many events ask for within one turn of the event loop is done once
        self.later.setSingleShot(True)
        self.later.setInterval(0)
        self.later.connect("timeout()", self.refresh)
        self.roots = {name: self.load(f"BrainMetsAI{name}") for name in SECTIONS}
        ui = {name: slicer.util.childWidgetVariables(root) for name, root in self.roots.items()}
        self.edit = EditSection(ui["Edit"], self.on_edited)
        self.case = CaseSection(ui["Case"], self.refresh)
        self.prior = PriorSection(ui["Case"], self.later.start, self.edit)
        self.recovery = RecoverySection(ui["Recovery"], self.roots["Recovery"], questions, self.edit)
        requirements = Path(self.resourcePath("requirements.txt"))
        self.installation = SetupSection(ui["Setup"], self.roots["Setup"], questions, requirements, self.later.start)
        self.find = FindSection(ui["Find"], self.worker, self.installation, questions, self.refresh, self.edit)
        self.reading = ReadingSection(ui["Reading"])
        self.explain = ExplainSection(ui["Explain"])
        self.lesions = LesionsSection(
            ui["Lesions"],
            self.edit,
            undo=self.edit.undo,
            redo=self.edit.redo,
            delete=self.edit.delete,
            add=self.edit.add_by_click,
            overlay=self.explain.toggle_overlay,
            on_change=self.later.start,
            on_selected=self.edit.choose,
        )
        self.finish = FinishSection(ui["Finish"], questions, lambda: self.lesions.table.current, self.lesions.select)
        self.practice = PracticeSection(ui["Practice"], self.worker, questions, self.refresh)
        self.preflight = PreflightSection(ui["Preflight"], self.worker, self.refresh)
        self.layout.addStretch(1)
        scene = slicer.mrmlScene
        self.records: dict[str, str] = {}  # of the examinations that are open while a scene file is added
        self.addObserver(scene, scene.StartCloseEvent, self.on_scene_closing)
        self.addObserver(scene, scene.StartImportEvent, self.on_scene_loading)
        self.addObserver(scene, scene.EndImportEvent, self.on_scene_loaded)
        for event in (scene.EndCloseEvent, scene.EndImportEvent, scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self.addObserver(scene, event, self.on_scene_changed)
        slicer.app.connect("aboutToQuit()", self.on_quit)
        self.refresh()
        if getattr(self.parent, "isEntered", False):  # a reload calls cleanup and setup, never exit and enter
            self.open_sections()

    def load(self, name: str) -> Any:
        """Load a section's .ui file into the panel."""
        root = slicer.util.loadUI(self.resourcePath(f"UI/{name}.ui"))
        self.layout.addWidget(root)
        root.setMRMLScene(slicer.mrmlScene)
        return root

    def cleanup(self) -> None:
        """Called at exit and before a reload: leave nothing connected or running."""
        slicer.app.disconnect("aboutToQuit()", self.on_quit)
        self.removeObservers()
        self.later.stop()
        self.close_sections()
        self.case.release()
        self.reading.release()
        self.release_sections()
        self.stop()
        for root in self.roots.values():  # a reload only hides them
            root.deleteLater()

    def stop(self) -> None:
        """End the processes."""
        self.worker.stop()
        self.installation.stop()
        self.recovery.stop()

    def on_quit(self) -> None:
        """The person ends the application."""
        self.stop()
        self.recovery.on_closed()

    def enter(self) -> None:
        """Called each time the module is opened."""
        self.case.choose_if_obvious()
        self.reading.entered()
        self.open_sections()
        self.refresh()

    def exit(self) -> None:
        """Called each time another module is opened."""
        self.reading.left()
        self.close_sections()

    def open_sections(self) -> None:
        """The module is shown: keys, effects and the reading clock live."""
        for section in (self.edit, self.lesions, self.practice):
            section.enter()

    def close_sections(self) -> None:
        """The module is left: nothing of it acts on the views any more."""
        self.practice.leave()
        for section in (self.lesions, self.edit):
            section.exit()

    def release_sections(self) -> None:
        """No section holds a node."""
        for section in (self.edit, self.lesions, self.explain, self.finish, self.practice):
            section.release()

    def refresh(self) -> None:
        """Show what the scene holds."""
        from BrainMetsAILib.panel.case_section import chosen_volume
        from BrainMetsAILib.scene.review import review_nodes, review_of

        if slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting():
            return  # the event that ends it follows
        self.case.refresh()
        volume = chosen_volume()
        review = review_of(volume) if volume is not None else None
        self.recovery.show(volume)
        for refreshed in (self.prior, self.installation, self.find, self.reading, self.preflight):
            refreshed.refresh()
        self.edit.edit(review_nodes(review) if review is not None else None)
        for shown in (self.lesions, self.explain, self.finish):
            shown.show(review)
        self.practice.refresh()

    def on_edited(self, lesion_uid: str) -> None:
        """An edit is done; the lesion is the one to go on with, where there is one."""
        self.lesions.refresh()
        if lesion_uid:
            self.lesions.select(lesion_uid)

    def on_scene_closing(self, caller: Any, event: str) -> None:
        """What runs was meant for the scene that goes."""
        self.worker.forget()
        self.recovery.on_closed()
        self.release_sections()

    def on_scene_loading(self, caller: Any, event: str) -> None:
        """Keep what a scene file that is added to this scene would replace."""
        from BrainMetsAILib.scene.settings import examination_records

        self.records = examination_records()

    def on_scene_loaded(self, caller: Any, event: str) -> None:
        """A scene file does not bring everything of the views back, and may have replaced what was known of other examinations."""
        from BrainMetsAILib.scene.log import join_logs
        from BrainMetsAILib.scene.settings import put_back

        put_back(self.records)
        join_logs()
        self.reading.scene_loaded()
        self.recovery.on_scene_loaded()

    def on_scene_changed(self, caller: Any, event: str) -> None:
        """Nodes came or went, or a scene was loaded."""
        self.later.start()


class BrainMetsAITest(ScriptedLoadableModuleTest):
    """The self-test; its steps are in Testing/Python."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Edit drawn lesions, then run the module's main job on the practice case."""
        self.setUp()
        self.test_editing()
        self.setUp()
        try:
            self.test_practice_case()
        except unittest.SkipTest as reason:  # pressed in the panel: no failure, and no runner that would count it
            self.delayDisplay(str(reason))

    def test_practice_case(self) -> None:
        """Make a practice case, find its lesions with the panel, check segments and table."""
        self.run_steps("BrainMetsAISelfTest.py")

    def test_editing(self) -> None:
        """Paint, add, undo, redo, and close the scene with Paint active."""
        self.run_steps("BrainMetsAIEditSelfTest.py")

    def run_steps(self, name: str) -> None:
        """Run a file of steps."""
        folder = Path(__file__).parent / "Testing" / "Python"  # not on Python's path
        runpy.run_path(str(folder / name))["run"](self)

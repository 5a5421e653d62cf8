"""The section that appears while packages are missing: says what is needed and why, and installs it when asked."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from BrainMetsAILib.panel.installation import Installation
from BrainMetsAILib.panel.process import python_interpreter
from BrainMetsAILib.panel.questions import Questions
from BrainMetsAILib.panel.requirements import (
    Requirement,
    install_commands,
    installed_version,
    missing_requirements,
    read_requirements,
)


class SetupSection:
    """Watches over the packages that the worker needs.

    Parameters
    ----------
    ui
        Widgets of BrainMetsAISetup.ui.
    root
        Their root, hidden while nothing is missing.
    questions
        Asks before anything is installed.
    requirements_file
        The module's requirements.txt.
    on_change
        Called when an installation starts or ends.
    """

    def __init__(
        self, ui: Any, root: Any, questions: Questions, requirements_file: Path, on_change: Callable[[], None],
        version_of: Callable[[str], str | None] = installed_version, interpreter: Callable[[], str | None] = python_interpreter,
    ) -> None:
        self.ui, self._root, self._questions, self._on_change = ui, root, questions, on_change
        self._requirements = read_requirements(requirements_file)
        self._version_of = version_of
        self._installation = Installation(self._say, self._ended, interpreter)
        self._then: Callable[[], None] | None = None
        self._missing: tuple[Requirement, ...] = ()
        ui.installButton.connect("clicked()", self._on_install)
        ui.wheelsButton.connect("clicked()", self._on_wheels)
        self._look()
        self.refresh()

    @property
    def installing(self) -> bool:
        """Whether an installation is under way."""
        return self._installation.running

    @property
    def missing(self) -> tuple[Requirement, ...]:
        """Packages that were not installed, or too old, when they were last looked for."""
        return self._missing

    def ensure(self, then: Callable[[], None]) -> bool:
        """Call `then` once everything is installed: at once, or after asking and installing.

        Returns
        -------
        bool
            False where the person declined, or an installation is under way already.
        """
        self._look()
        if not self.missing:
            then()
            return True
        if self.installing or not self._questions.confirm(self.explanation() + "\n\n" + _("Install them now?")):
            return False
        self._then = then
        self._install(None)
        return True

    def explanation(self) -> str:
        """What is missing and why, for a person."""
        packages = ", ".join(f"{item.name} ≥ {item.floor}" if item.floor else item.name for item in self.missing)
        return _(
            "To find lesions, BrainMetsAI needs packages that Slicer does not bring along: {packages}. They are downloaded once "
            "(0.2 to 3 GB, depending on the graphics card) and stay within Slicer; afterwards everything works without internet."
        ).format(packages=packages)

    def refresh(self) -> None:
        """Show what is missing, or hide."""
        self._root.setVisible(bool(self.missing) or self.installing)
        if self.missing:
            self.ui.setupLabel.text = self.explanation()
        self.ui.installButton.text = _("Cancel") if self.installing else _("Install")
        self.ui.wheelsButton.enabled = not self.installing
        self.ui.setupProgressBar.setVisible(self.installing)
        self.ui.setupStatusLabel.setVisible(bool(self.ui.setupStatusLabel.text))

    def stop(self) -> None:
        """At exit and reload."""
        self._then = None
        self._installation.stop()

    def _look(self) -> None:
        self._missing = missing_requirements(self._requirements, self._version_of)  # reads the disk: not at every refresh

    def _on_install(self) -> None:
        if self.installing:
            self._installation.cancel()
        else:
            self._install(None)

    def _on_wheels(self) -> None:
        folder = self._questions.choose_folder(_("Folder that holds the packages as wheel files"))
        if folder:
            self._install(Path(folder))

    def _install(self, wheels: Path | None) -> None:
        driver_aware = hasattr(slicer.modules, "pytorchutils")  # the PyTorch extension is there, and so is what it downloads from
        self._say(_("Starting the installer"))
        self._installation.start(install_commands(self.missing, wheels, driver_aware))
        self.refresh()
        self._on_change()

    def _say(self, line: str) -> None:
        self.ui.setupStatusLabel.text = line if len(line) < 200 else line[:200] + "…"
        self.ui.setupStatusLabel.setVisible(True)

    def _ended(self, sentence: str) -> None:
        then, self._then = self._then, None
        self._look()
        if not sentence and self.missing:
            sentence = _(
                "The installer finished, but a package is still missing. Restart Slicer; if that does not help, look up what the installer "
                "said in View → Error Log."
            )
        if sentence:
            logging.info("BrainMetsAI installer: %s\n%s", sentence, self._installation.log)
        self._say(sentence or _("Installed."))
        self.refresh()
        self._on_change()
        if not sentence and then:
            then()

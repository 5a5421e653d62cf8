"""How a section shows its task: a bar, words with the time left, and one sentence at the end."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from slicer.i18n import tr as _

from BrainMetsAILib.images.examination import ImageRefused
from BrainMetsAILib.panel.process import TaskListener
from BrainMetsAILib.panel.time_left import TimeLeft
from BrainMetsAILib.worker.failures import failure_of

T = TypeVar("T")


class TaskProgress:
    """The progress bar and the status label of a section.

    Parameters
    ----------
    bar, label
        Widgets of the section; both are hidden while there is nothing to say.
    clock
        Seconds; tests pass their own.
    """

    def __init__(self, bar: Any, label: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._bar, self._label, self._clock = bar, label, clock
        self.running = False
        self.say("")
        self._bar.setVisible(False)

    def say(self, sentence: str, details: str = "") -> None:
        """Show a sentence; details appear when the pointer rests on it."""
        self._label.text = sentence
        self._label.toolTip = details
        self._label.setVisible(bool(sentence))

    def attempt(self, work: Callable[[], T]) -> T | None:
        """Result of `work`; where it refuses, its sentence is shown and None returned."""
        try:
            return work()
        except (ImageRefused, ValueError) as error:
            self.say(str(error))
            return None

    def cancelling(self) -> None:
        """The person has asked to stop."""
        self.say(_("Cancelling…"))

    def listener(self, on_result: Callable[[Mapping[str, Any]], str], on_end: Callable[[], None]) -> TaskListener:
        """A listener that shows the task's way.

        Parameters
        ----------
        on_result
            Takes the result into the scene and returns a sentence about it.
        on_end
            Called when the task has ended in any way.
        """
        self.running = True
        self._bar.setRange(0, 100)
        self._bar.setValue(0)
        self._bar.setVisible(True)
        self.say(_("Starting"))
        began, left = self._clock(), TimeLeft()

        def progress(share: float, text: str) -> None:
            self._bar.setValue(round(100 * share))
            if text:
                parts = (stage_words(text), f"{100 * share:.0f} %", left.words(self._clock() - began, share))
                self.say(", ".join(part for part in parts if part))

        def end(sentence: str, details: str = "") -> None:
            self.running = False
            self._bar.setVisible(False)
            self.say(sentence, details)
            on_end()

        def result(content: Mapping[str, Any]) -> None:
            try:
                sentence = on_result(content)
            except (ImageRefused, ValueError) as error:  # what it was for was deleted or changed meanwhile
                sentence = str(error)
            except Exception as error:  # the panel must not wait for ever, and nobody should see a traceback
                failure = failure_of(0, "result", error)
                end(failure.sentence, failure.details)
                return
            end(sentence)

        return TaskListener(progress, result, end, lambda: end(_("Cancelled.")))


def stage_words(message: str) -> str:
    """What a worker says it does, for a person: in their language where it is one of the stages of the search."""
    stages = {
        "preparing the image": _("Preparing the image"),
        "loading the network": _("Loading the network"),
        "searching": _("Searching"),
        "outlining": _("Outlining"),
        "finding the brain": _("Finding the brain"),
        "loading the packages": _("Loading the packages"),
        "checking the networks": _("Checking the networks"),
    }
    plain = re.sub(r"(^|, )window \d+ of \d+$", "", message) or "searching"  # how many windows there are means nothing to a reader
    return stages.get(plain, plain[:1].upper() + plain[1:])

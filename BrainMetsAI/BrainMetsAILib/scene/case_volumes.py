"""Which volume plays which role in the case: chosen by a person, or filled in from headers and names; kept on the settings node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer

from BrainMetsAILib.images.acquisition import Acquisition
from BrainMetsAILib.images.contrast import guess_contrast
from BrainMetsAILib.images.examination import Role, RoleGuess
from BrainMetsAILib.images.roles import guess_role
from BrainMetsAILib.scene.log import append_log
from BrainMetsAILib.scene.overlays import is_overlay
from BrainMetsAILib.scene.review import review_of
from BrainMetsAILib.scene.settings import settings_node
from BrainMetsAILib.scene.volume_dicom import INSTANCE_UIDS, SYNTHETIC, acquisition_of, body_part_of, study_uid

VOLUME_ROLE = "BrainMetsAI.Volume"  # of the settings node: the volume that the panel works on
CASE_ROLES = (Role.T1C, Role.T1N, Role.T2W, Role.T2F)
PERSON, NOBODY = "person", "person chose none"


@dataclass(frozen=True)
class VolumeFacts:
    """A volume of the scene and what is guessed of it.

    Attributes
    ----------
    node
        The volume node.
    guess
        Role and blood signal, each with its reason.
    acquisition
        What they were guessed from.
    study
        UID of its DICOM study; empty where it is not known.
    body_part
        What the header says was examined, if clearly not the head.
    """

    node: Any
    guess: RoleGuess
    acquisition: Acquisition
    study: str = ""
    body_part: str = ""

    @property
    def coarseness(self) -> tuple[bool, float]:
        """Order among volumes of one role: originals before derived ones, then thin slices (mm) before thick ones."""
        return "DERIVED" in self.acquisition.image_type, round(float(max(self.node.GetSpacing())), 2)


class KnownVolumes:
    """Facts of the scene's volumes; each header is read once."""

    def __init__(self) -> None:
        self._facts: dict[str, tuple[tuple[str, ...], VolumeFacts]] = {}

    def of(self, volume: Any) -> VolumeFacts:
        """Facts of one volume, read again where its name or origin changed."""
        storage = volume.GetStorageNode()
        key = (
            volume.GetName() or "", volume.GetAttribute(INSTANCE_UIDS) or "", (storage.GetFileName() or "") if storage else "",
            volume.GetAttribute(SYNTHETIC) or "",
        )
        known = self._facts.get(volume.GetID())
        if known is None or known[0] != key or known[1].node is not volume:
            known = key, _facts_of(volume)
            self._facts[volume.GetID()] = known
        return known[1]

    def all(self) -> list[VolumeFacts]:
        """Facts of every volume that may play a role, in the order they came."""
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        gone = set(self._facts) - {node.GetID() for node in nodes}
        for node_id in gone:  # what is kept here would keep its voxels
            del self._facts[node_id]
        return [self.of(node) for node in nodes if _may_be_chosen(node)]


def chosen_volume(role: Role = Role.T1C) -> Any:
    """The volume that plays a role; None where none does."""
    return settings_node().GetNodeReference(_reference(role))


def choose_volume(role: Role, volume: Any, reason: str = "", by_person: bool = True) -> None:
    """Give a role to a volume, or to none; logged. A volume plays one role: another one that it had is free again."""
    settings = settings_node()
    for other in CASE_ROLES:
        if volume is not None and other is not role and chosen_volume(other) is volume:
            choose_volume(other, None, by_person=False)
    if by_person:
        reason = "you chose it" if volume is not None else ""
    settings.SetParameter(_key(role, "By"), (PERSON if volume is not None else NOBODY) if by_person else "")
    settings.SetParameter(_key(role, "Reason"), reason)
    if volume is not chosen_volume(role):
        settings.SetNodeReferenceID(_reference(role), volume.GetID() if volume is not None else None)
        name = volume.GetName() if volume is not None else ""
        append_log("volume chosen", role=str(role), volume=name, by="person" if by_person else "BrainMetsAI", reason=reason)


def reason_of(role: Role) -> str:
    """Why a role's volume was chosen, in words; empty where none is."""
    return str(settings_node().GetParameter(_key(role, "Reason"))) if chosen_volume(role) is not None else ""


def fill_roles(known: KnownVolumes) -> None:
    """Choose volumes for the roles about which no person decided; call it when a volume came or the module is opened.

    A person's choice whose volume is gone counts no more. When a volume goes nothing takes its place by itself: do not call it then.
    """
    settings = settings_node()
    volumes = known.all()
    for role in CASE_ROLES:
        if settings.GetParameter(_key(role, "By")) == PERSON and chosen_volume(role) is None:
            settings.SetParameter(_key(role, "By"), "")
        if settings.GetParameter(_key(role, "By")):
            continue
        picked, reason = _pick_t1c(volumes) if role is Role.T1C else _pick_other(role, volumes)
        if picked is not None and picked is not chosen_volume(role):
            choose_volume(role, picked, reason, by_person=False)


def _facts_of(volume: Any) -> VolumeFacts:
    acquisition = acquisition_of(volume)
    if volume.GetAttribute(SYNTHETIC):
        guess = RoleGuess(Role.T1C, "a practice case, made as a T1 with contrast agent", *_blood_of(acquisition))
    else:
        guess = guess_role(acquisition)
    return VolumeFacts(volume, guess, acquisition, study_uid(volume), body_part_of(volume))


def _blood_of(acquisition: Acquisition) -> tuple[Any, str]:
    guess = guess_role(acquisition)
    return guess.blood, guess.blood_reason


def _may_be_chosen(node: Any) -> bool:
    plain = node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetHideFromEditors()
    return plain and node.GetImageData() is not None and not is_overlay(node)


def _pick_t1c(volumes: list[VolumeFacts]) -> tuple[Any, str]:
    """The contrast-enhanced T1; the present choice stays where it is reviewed or nothing is better."""
    present = chosen_volume(Role.T1C)
    if present is not None and review_of(present) is not None:
        return None, ""
    reviewed = [facts for facts in volumes if review_of(facts.node) is not None]
    if reviewed:
        return reviewed[-1].node, "its lesions were looked at last"
    found = sorted((facts for facts in volumes if facts.guess.role is Role.T1C), key=lambda facts: facts.coarseness)
    if found:
        return found[0].node, _among(found)
    if present is not None:
        return None, ""
    silent = [facts for facts in volumes if facts.guess.role is Role.T1N and not guess_contrast(facts.acquisition).stated]
    if len(silent) == 1:
        return silent[0].node, f"the only T1 ({silent[0].guess.reason})"
    if len(volumes) == 1 and volumes[0].guess.role in (Role.T1N, Role.OTHER):
        return volumes[0].node, f"the only volume ({volumes[0].guess.reason})"
    return None, ""


def _pick_other(role: Role, volumes: list[VolumeFacts]) -> tuple[Any, str]:
    """The volume of another role that belongs to the chosen T1c: same study where that is known, else the most alike name."""
    t1c = chosen_volume(Role.T1C)
    taken = [chosen_volume(other) for other in CASE_ROLES if other is not role]
    found = [facts for facts in volumes if facts.guess.role is role and facts.node not in taken]
    if t1c is not None:
        study = study_uid(t1c)
        found = [facts for facts in found if not (study and facts.study) or study == facts.study]
        found.sort(key=lambda facts: (0 if study else -_alike(t1c.GetName() or "", facts.node.GetName() or ""), facts.coarseness))
    return (found[0].node, _among(found)) if found else (None, "")


def _alike(name: str, other: str) -> int:
    """How many letters two names begin with in common."""
    return next((place for place, (a, b) in enumerate(zip(name, other, strict=False)) if a != b), min(len(name), len(other)))


def _among(found: list[VolumeFacts]) -> str:
    more = f"; chosen among {len(found)} that look alike" if len(found) > 1 else ""
    return found[0].guess.reason + more


def _reference(role: Role) -> str:
    return VOLUME_ROLE if role is Role.T1C else f"{VOLUME_ROLE}.{role}"


def _key(role: Role, what: str) -> str:
    return f"Case.{role}.{what}"

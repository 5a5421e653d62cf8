"""Two examinations of different patients are refused, unless a person says otherwise."""

import pytest

from BrainMetsAILib.images.examination import Patient
from BrainMetsAIResponseLib.identity import DifferentPatients, check_same_patient

ANNA = Patient("A-17", "Muster^Anna", "19610203", "F")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Patient("A-18", "Muster^Anna", "19610203", "F"), "patient ID A-17 at baseline, A-18 at follow-up"),
        (Patient("A-17", "Muster^Anna", "19610204", "F"), "birth date 19610203"),
        (Patient("A-17", "Muster^Anna", "19610203", "M"), "sex F at baseline, M at follow-up"),
        (Patient(birth_date="19700101"), "birth date"),
    ],
)
def test_differences_are_refused_and_recorded_when_overridden(other: Patient, words: str) -> None:
    with pytest.raises(DifferentPatients, match="different patients") as refusal:
        check_same_patient(ANNA, other)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)
    check = check_same_patient(ANNA, other, override=True)
    assert check.overridden and words in check.note and len(check.differences) == 1


@pytest.mark.parametrize(
    "other",
    [ANNA, Patient(), Patient("A-17"), Patient(" a-17 ", "MUSTER^ANNA^^Dr", "1961.02.03", "f"), Patient("A-17", sex="O")],
)
def test_unknown_fields_spelling_and_names_are_no_difference(other: Patient) -> None:
    check = check_same_patient(ANNA, other, override=True)
    assert not check.differences and not check.overridden


def test_the_note_says_what_was_known() -> None:
    assert check_same_patient(ANNA, Patient("A-17")).note == "Same patient by patient ID."
    assert "could not be checked" in check_same_patient(ANNA, Patient()).note
    assert check_same_patient(ANNA, ANNA).agreements == ("patient ID", "birth date", "sex")

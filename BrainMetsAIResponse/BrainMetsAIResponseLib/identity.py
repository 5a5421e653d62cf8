"""Whether two examinations are of the same patient."""

from dataclasses import dataclass

from BrainMetsAILib.images.examination import Patient


class DifferentPatients(ValueError):
    """The two examinations are of different patients; the message is one sentence for a person."""


@dataclass(frozen=True)
class IdentityCheck:
    """What the two headers say about whose examinations they are.

    Attributes
    ----------
    differences
        One phrase for each thing that is known of both and differs.
    agreements
        What is known of both and is the same: of "patient ID", "birth date", "sex".
    overridden
        Whether a person chose to compare in spite of differences.
    note
        One sentence for table and report.
    """

    differences: tuple[str, ...]
    agreements: tuple[str, ...]
    overridden: bool
    note: str


def check_same_patient(baseline: Patient, follow_up: Patient, override: bool = False) -> IdentityCheck:
    """Compare patient ID, birth date and sex.

    What is unknown in either examination neither agrees nor differs. Names are not compared: the same person's is spelt in many ways.

    Parameters
    ----------
    override
        A person has said that the comparison is meant; this is recorded in the note.

    Raises
    ------
    DifferentPatients
        If anything differs and ``override`` is not given.
    """
    differences, agreements = [], []
    for field, before, after in (
        ("patient ID", _plain(baseline.patient_id), _plain(follow_up.patient_id)),
        ("birth date", _digits(baseline.birth_date), _digits(follow_up.birth_date)),
        ("sex", _sex(baseline.sex), _sex(follow_up.sex)),
    ):
        if before and after:
            if before.casefold() == after.casefold():
                agreements.append(field)
            else:
                differences.append(f"{field} {before} at baseline, {after} at follow-up")
    if differences and not override:
        raise DifferentPatients(
            f"These examinations are of different patients ({'; '.join(differences)}); "
            "choose two of the same patient, or confirm that they belong together."
        )
    return IdentityCheck(tuple(differences), tuple(agreements), bool(differences), _note(differences, agreements))


def _note(differences: list[str], agreements: list[str]) -> str:
    if differences:
        return f"Compared although the examinations say they are of different patients ({'; '.join(differences)}); a person confirmed this."
    if agreements:
        return f"Same patient by {', '.join(agreements)}."
    return "Whether both examinations are of the same patient could not be checked: the files do not say whose they are."


def _plain(value: str) -> str:
    return " ".join(value.split())


def _digits(value: str) -> str:
    return "".join(character for character in value if character.isdigit())


def _sex(value: str) -> str:
    """M or F; "" for "other" and anything else, which says nothing about a difference."""
    first = value.strip().upper()[:1]
    return first if first in ("M", "F") else ""

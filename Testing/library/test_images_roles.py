"""Roles and blood signals guessed from names and headers, as scanners, archives and people write them."""

from pathlib import Path
from typing import Any

import pytest

from BrainMetsAILib.images.acquisition import Acquisition, from_dicom, from_file_name, other_body_part
from BrainMetsAILib.images.examination import BloodSignal, Role
from BrainMetsAILib.images.roles import guess_role, override_role
from drawn_dicom import header

T1C, T1N, T2W, T2F, CT, OTHER = Role.T1C, Role.T1N, Role.T2W, Role.T2F, Role.CT, Role.OTHER


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("BraTS-MET-00001-000-t1c", T1C), ("BraTS-MET-00001-000-t1n", T1N), ("BraTS-MET-00001-000-t2w", T2W),
        ("BraTS-MET-00001-000-t2f", T2F), ("BraTS-MET-00001-000-seg", OTHER), ("BraTS19_CBICA_t1ce", T1C), ("BraTS19_CBICA_t1", T1N),
        ("case_t1gd", T1C), ("case_T1Gd", T1C), ("mr_gd", T1C), ("T1+C", T1C), ("t1_c+", T1C), ("ax t1 +c", T1C), ("T1_POST", T1C),
        ("sub-01_ce-gadolinium_T1w", T1C), ("sub-01_T1w", T1N), ("sub-01_FLAIR", T2F), ("sub-01_T2w", T2W), ("T1PostGd", T1C),
        ("T1wCE", T1C), ("mprage_post", T1C), ("t1_km", T1C), ("t1_mprage_nach_KM", T1C), ("axT1post", T1C), ("3D_T1_contrast", T1C),
        ("t1c_native", T1C), ("t1c_post_op", T1C), ("contrast", T1C), ("SPACE_gd", T1C),
        ("t1_post_op", T1N), ("t1_post_treatment", T1N), ("t1_pre_contrast", T1N), ("t1_without_contrast", T1N), ("T1_native", T1N),
        ("t1_nativ", T1N), ("t1_non-contrast", T1N), ("t1_ohne_KM", T1N), ("preop_t1", T1N), ("MPRAGE", T1N), ("seg3d_t1", T1N),
        ("t2_post", T2W), ("T2_tse_tra", T2W), ("t2_flair_post_gd", T2F), ("FLAIR_contrast", T2F), ("T2_dark_fluid", T2F),
        ("T2star", OTHER), ("t2_star", OTHER), ("SWI_gd", OTHER), ("DWI_b1000", OTHER), ("ADC", OTHER), ("t1_map", OTHER),
        ("perfusion_gd", OTHER), ("TOF", OTHER), ("t1c_mask", OTHER), ("t1c_lesions", OTHER), ("brain1_image", OTHER), ("scan", OTHER),
        ("vessel_probability", OTHER), ("head_ct", CT), ("ct_contrast", CT),
    ],
)  # fmt: skip
def test_file_names(name: str, role: Role) -> None:
    for suffix in (".nii.gz", ".nrrd"):
        guess = guess_role(from_file_name(Path("folder") / f"{name}{suffix}"))
        assert guess.role is role, guess.reason
        assert guess.reason and "\n" not in guess.reason


def test_a_folders_name_does_not_speak_for_a_file() -> None:
    assert guess_role(from_file_name(Path("t1c") / "image.nii.gz")).role is OTHER


SPIN, GRADIENT = BloodSignal.BLACK, BloodSignal.GRADIENT_ECHO
MPRAGE: dict[str, Any] = {"ScanningSequence": ["GR", "IR"], "EchoTime": 3.0, "RepetitionTime": 1900, "InversionTime": 1100}
SPGR: dict[str, Any] = {"ScanningSequence": "GR", "EchoTime": 3.2, "RepetitionTime": 8.2}
SPIN_T1: dict[str, Any] = {"ScanningSequence": "SE", "EchoTime": 10, "RepetitionTime": 600}
FLAIR: dict[str, Any] = {"ScanningSequence": ["SE", "IR"], "EchoTime": 120, "RepetitionTime": 9000, "InversionTime": 2500}
T2: dict[str, Any] = {"ScanningSequence": "SE", "EchoTime": 95, "RepetitionTime": 4500}


@pytest.mark.parametrize(
    ("elements", "role", "blood"),
    [
        ({"SeriesDescription": "t1_mprage_sag", **MPRAGE, "ContrastBolusAgent": "Gadovist"}, T1C, GRADIENT),
        ({"SeriesDescription": "Ax 3D BRAVO +C", **SPGR}, T1C, GRADIENT),
        ({"SeriesDescription": "SAG FSPGR 3D POST", **SPGR}, T1C, GRADIENT),
        ({"SeriesDescription": "3D T1 FFE KM", **SPGR}, T1C, GRADIENT),
        ({"SeriesDescription": "t1_vibe_tra_gd", **SPGR}, T1C, GRADIENT),
        ({"SeriesDescription": "Sag CUBE T1 +C", **SPIN_T1}, T1C, SPIN),
        ({"SeriesDescription": "t1_space_sag_post", **SPIN_T1}, T1C, SPIN),
        ({"SeriesDescription": "T1 VISTA gd"}, T1C, SPIN),
        ({"SeriesDescription": "T1 TSE tra Gd"}, T1C, SPIN),
        ({"SeriesDescription": "3D T1 iMSDE TFE post", "ScanningSequence": "GR"}, T1C, SPIN),
        ({"SeriesDescription": "DANTE t1 post"}, T1C, SPIN),
        ({"SeriesDescription": "T1 black blood KM"}, T1C, SPIN),
        ({"SeriesDescription": "T1 gd"}, T1C, BloodSignal.UNKNOWN),
        ({"SeriesDescription": "anonymised", **MPRAGE}, T1N, GRADIENT),
        ({"SeriesDescription": "anonymised", **MPRAGE, "ContrastBolusAgent": "DOTAREM 15ml"}, T1C, GRADIENT),
        ({"SeriesDescription": "anonymised", **SPIN_T1, "ContrastBolusAgent": "NONE"}, T1N, SPIN),
        ({"SeriesDescription": "t1 pre", **SPIN_T1, "ContrastBolusAgent": "Gadovist"}, T1N, SPIN),
        ({"SeriesDescription": "x", "SequenceName": "*tfl3d1_16ns", "EchoTime": 3.0, "RepetitionTime": 1900}, T1N, GRADIENT),
        ({"SeriesDescription": "t1_mpr_tra_gk_v4", **MPRAGE}, T1C, GRADIENT),
        ({"SeriesDescription": "t1 3d", **MPRAGE, "StudyDescription": "Stereotactic radiosurgery"}, T1C, GRADIENT),
        ({"SeriesDescription": "t1 3d", **MPRAGE, "StudyDescription": "MRI BRAIN W/WO CONTRAST"}, T1N, GRADIENT),
        ({"SeriesDescription": "Ax T1 FLAIR", "EchoTime": 9, "RepetitionTime": 2200, "InversionTime": 800}, T1N, BloodSignal.UNKNOWN),
        ({"SeriesDescription": "anonymised", **FLAIR}, T2F, BloodSignal.UNKNOWN),
        ({"SeriesDescription": "t2_tirm_tra_dark", **FLAIR}, T2F, BloodSignal.UNKNOWN),
        ({"SeriesDescription": "anonymised", **T2, "ContrastBolusAgent": "Gadovist"}, T2W, BloodSignal.UNKNOWN),
        ({"SeriesDescription": "ep2d_diff_ADC", "ScanningSequence": "EP"}, OTHER, None),
        ({"SeriesDescription": "PD tse", "EchoTime": 20, "RepetitionTime": 3000}, OTHER, None),
        ({"SeriesDescription": "localizer", "ImageType": ["ORIGINAL", "PRIMARY", "M"]}, OTHER, None),
        ({"SeriesDescription": "t1 gd", "ImageType": ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]}, OTHER, None),
        ({"SeriesDescription": "x"}, OTHER, None),
    ],
)
def test_headers(elements: dict[str, Any], role: Role, blood: BloodSignal | None) -> None:
    guess = guess_role(from_dicom(header(**elements)))
    assert guess.role is role, guess.reason
    assert blood is None or guess.blood is blood, guess.blood_reason
    assert guess.reason and (guess.blood_reason or role not in (T1C, T1N))


def test_modalities_beside_mr() -> None:
    assert guess_role(from_dicom(header("CT", SeriesDescription="t1 gd"))).role is CT
    positron = guess_role(Acquisition(names=(("series description", "t1c"),), modality="PT"))
    assert positron.role is OTHER and "PT" in positron.reason


def test_reasons_quote_what_they_rest_on() -> None:
    guess = guess_role(from_dicom(header(SeriesDescription="t1_mprage_sag", **MPRAGE, ContrastBolusAgent="Gadovist")))
    assert "Gadovist" in guess.reason and "'t1' in the series description" in guess.reason
    assert "GR" in guess.blood_reason and "'mprage'" in guess.blood_reason


def test_a_name_against_the_times_is_told() -> None:
    assert "although" in guess_role(from_dicom(header(SeriesDescription="t1 post", **T2))).reason


def test_folder_name_counts_only_where_the_header_names_nothing() -> None:
    nameless = header(**MPRAGE)
    del nameless.SeriesDescription
    assert guess_role(from_dicom(nameless, "T1 post contrast")).role is T1C
    assert guess_role(from_dicom(header(SeriesDescription="t1 mprage", **MPRAGE), "T1 post contrast")).role is T1N


def test_override() -> None:
    guess = guess_role(from_file_name(Path("brain1_image.nrrd")))
    assert override_role(guess, None) is guess
    taken = override_role(guess, T1C)
    assert taken.role is T1C and "you said so" in taken.reason and "hints at no role" in taken.reason
    assert override_role(guess_role(from_file_name(Path("t1c.nii"))), T1C).reason.endswith("you said so too")


def test_body_part_counts_only_without_a_word_of_the_head() -> None:
    assert other_body_part(header(BodyPartExamined="LSPINE", StudyDescription="MRI lumbar")) == "LSPINE"
    assert other_body_part(header(BodyPartExamined="CSPINE", StudyDescription="MRI brain")) == ""
    assert other_body_part(header(BodyPartExamined="BRAIN")) == ""
    assert other_body_part(header()) == ""

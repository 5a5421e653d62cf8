"""Role of a sequence, guessed from its header and its names, with the reason in words; whoever calls may override it.

Weighting from echo, repetition and inversion time follows the usual ranges at 1.5 and 3 T (McRobbie et al., MRI from Picture to
Proton, 3rd ed. 2017, doi:10.1017/9781107706958; Kaufmann et al., Neuro-Oncology 2020;22:757, doi:10.1093/neuonc/noaa030, table 2).
"""

from __future__ import annotations

from BrainMetsAILib.images.acquisition import Acquisition
from BrainMetsAILib.images.blood_signal import guess_blood_signal
from BrainMetsAILib.images.contrast import guess_contrast
from BrainMetsAILib.images.examination import BloodSignal, Role, RoleGuess
from BrainMetsAILib.images.words import any_of, first_hint

_MASK = any_of(r"\b(?:seg|segs|segmentation|labels?|labelmap|mask|brainmask|roi|lesions?|lobes|wmparc|avgwmparc|aseg|parcellation)\b")
# Words that make it another image even where T1 or T2 stands beside them.
_NEVER = any_of(
    r"\bdwi|\badc\b|\bdti|diffusion|\bdiff\b|\btrace",
    r"perfusion|\bperf\b|\bdsc\b|\bdce\b|\basl\b|\br?cbf\b|\br?cbv\b|\bmtt\b|\bbold\b|\bfmri\b",
    r"\bswi\b|\bswan\b|venobold|\bqsm\b|\bt2 ?\*|\bt2 ?star|\bhaemo|\bhemo\b|\bheme\b",
    r"\btof\b|angio|\bmra\b|\bmrv\b|\bmin?ip\b|subtract",
    r"locali[sz]er|\bloc\b|scout|survey|\bcalib|\basset\b|field ?map|\bb[01] ?map",
    r"t1 ?map|t1 ?rho|t2 ?map|relaxometry|spectro|\bcsi\b",
)
_OTHER = any_of(r"\bpdw?\b|proton|\bciss\b|\bfiesta\b|\bdrive\b|\bstir\b|\bphase\b", r"\bfa\b|\bvessel|\bprobability\b|\bgm\b|\bwm\b")
_FLAIR = any_of(r"flair|dark ?fluid|fluid ?atten", r"\bt2f\b|\bda ?fl\b|\bspcir")
_EDGE = r"(?:^|[^a-z0-9]|[23]d|ax|axial|sag|cor|tra)"
_T1 = any_of(rf"{_EDGE}(t1(?![0-9]))", r"mp2? ?rage|\bmpr\b|\bbravo|spgr|\btfl[ 23]|\bvibe|\blava|\bthrive|\bflash")
_T2 = any_of(rf"{_EDGE}(t2(?![0-9*f]))", r"\btirm\b")
_CT = any_of(r"\bct\b")
# Values of DICOM's Image Type that say the pixels are not a plain image of the anatomy ("P": phase).
_OTHER_IMAGE_TYPES = {
    *("LOCALIZER", "PROJECTION IMAGE", "MIP", "MAX_IP", "SUBTRACTION", "SCREEN SAVE", "P", "PHASE MAP"),
    *("ADC", "FA", "TRACEW", "DIFFUSION", "PERFUSION"),
}
_WEIGHTINGS = {Role.T1N: "T1", Role.T2W: "T2", Role.T2F: "FLAIR"}


def guess_role(acquisition: Acquisition) -> RoleGuess:
    """Role and blood signal of a sequence with the reason for each."""
    role, reason = _role(acquisition)
    if role in (Role.T1C, Role.T1N, Role.OTHER):
        # OTHER may yet be taken as a t1c by a person's word: what is known about the blood is kept for that.
        blood, blood_reason = guess_blood_signal(acquisition)
        return RoleGuess(role, reason, blood, blood_reason)
    return RoleGuess(role, reason, BloodSignal.UNKNOWN, "asked of T1 only")


def override_role(guess: RoleGuess, role: Role | None) -> RoleGuess:
    """The guess with a role given by a person; the reason keeps what was guessed."""
    if role is None:
        return guess
    if guess.role is role:
        return RoleGuess(role, f"{guess.reason}; you said so too", guess.blood, guess.blood_reason)
    return RoleGuess(role, f"you said so (it would have been taken as {guess.role}: {guess.reason})", guess.blood, guess.blood_reason)


def _role(acquisition: Acquisition) -> tuple[Role, str]:
    if acquisition.modality == "CT":
        return Role.CT, "its modality is CT"
    if acquisition.modality not in ("", "MR"):
        return Role.OTHER, f"its modality is {acquisition.modality}, not MR"
    derived = sorted(_OTHER_IMAGE_TYPES & set(acquisition.image_type))
    if derived:
        return Role.OTHER, f"the header's image type says {derived[0]}"
    for pattern, meaning in ((_MASK, "a mask or label map"), (_NEVER, "not a plain T1, T2 or FLAIR")):
        hint = first_hint(pattern, acquisition.names)
        if hint:
            return Role.OTHER, f"{hint}: {meaning}"
    ct = first_hint(_CT, acquisition.names) if acquisition.modality == "" else ""
    if ct:
        return Role.CT, ct
    weighting, why = _weighting(acquisition)
    if weighting is Role.T1N:
        return _t1(acquisition, why)
    if weighting is not Role.OTHER:
        return weighting, why
    contrast = guess_contrast(acquisition)
    if contrast.given and not first_hint(_OTHER, acquisition.names):
        return Role.T1C, f"{contrast.reason}, and nothing says that it is not a T1"
    return Role.OTHER, why


def _t1(acquisition: Acquisition, why: str) -> tuple[Role, str]:
    contrast = guess_contrast(acquisition)
    role = Role.T1C if contrast.given else Role.T1N
    if contrast.reason.startswith(f"{why} says"):
        return role, contrast.reason.replace(" says ", " says T1 and ", 1)
    return role, f"T1 ({why}); {contrast.reason}"


def _weighting(acquisition: Acquisition) -> tuple[Role, str]:
    """T1N (for any T1), T2W, T2F or OTHER with the reason: the names first, then the header's times."""
    flair, t1, t2 = (first_hint(pattern, acquisition.names) for pattern in (_FLAIR, _T1, _T2))
    timed, times = _timed_weighting(acquisition)
    if flair and t1 and not t2:
        # GE's "T1 FLAIR" is a T1; "FLAIR post T1 prep" does not exist: the times decide, T1 where there are none.
        return (timed, times) if timed is not Role.OTHER else (Role.T1N, f"{t1}, {flair}: a T1 FLAIR")
    if flair:
        return Role.T2F, flair
    if t1 and t2:
        return (timed, times) if timed is not Role.OTHER else (Role.OTHER, f"{t1} but {t2}")
    if t1:
        return Role.T1N, _with_doubt(t1, Role.T1N, timed, times)
    if t2:
        # TIRM and "T2 dark fluid" variants without the word: the inversion time says FLAIR.
        if timed is Role.T2F:
            return Role.T2F, times
        return Role.T2W, _with_doubt(t2, Role.T2W, timed, times)
    other = first_hint(_OTHER, acquisition.names)
    if other:
        return Role.OTHER, f"{other}: not a plain T1, T2 or FLAIR"
    return timed, times


def _with_doubt(named: str, role: Role, timed: Role, times: str) -> str:
    if timed in (Role.OTHER, role):
        return named
    return f"{named}, although {times} would be {_WEIGHTINGS[timed]}"


def _timed_weighting(acquisition: Acquisition) -> tuple[Role, str]:
    """Weighting by the header alone."""
    named = {"T1": Role.T1N, "T2": Role.T2W, "FLUID_ATTENUATED": Role.T2F}.get(acquisition.acquired_contrast)
    if named:
        return named, f"the header's acquisition contrast is {acquisition.acquired_contrast}"
    te, tr, ti = acquisition.echo_time_ms, acquisition.repetition_time_ms, acquisition.inversion_time_ms
    if te is None or tr is None:
        if acquisition.has_header:
            return Role.OTHER, "its names hint at no role and the header gives no echo and repetition time"
        return Role.OTHER, "its name hints at no role"
    times = f"TE {te:g} ms, TR {tr:g} ms" + (f", TI {ti:g} ms" if ti else "")
    gradient = "GR" in acquisition.scanning and "SE" not in acquisition.scanning
    if "EP" in acquisition.scanning:
        return Role.OTHER, f"echo planar ({times})"
    if ti and ti >= 1500 and te >= 60:
        return Role.T2F, times
    if gradient:
        return (Role.T1N, f"gradient echo with {times}") if te <= 12 and (tr <= 60 or ti) else (Role.OTHER, f"gradient echo with {times}")
    if te <= 40 and (tr <= 1300 or (ti and 300 <= ti < 1500 and tr <= 3500)):
        return Role.T1N, times
    if te >= 60 and tr >= 1500 and not ti:
        return Role.T2W, times
    return Role.OTHER, f"{times} fits neither T1, T2 nor FLAIR"

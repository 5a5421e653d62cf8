"""From the anatomy network's training to its bundle: ``python -m BrainMetsAILib.training.anatomy_bundle STATE BUNDLE``."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from BrainMetsAILib.lesions.anatomy_regions import Region
from BrainMetsAILib.models.bundles import ANATOMY, models_folder
from BrainMetsAILib.training.anatomy_training import CROP, CROPPED_SHARE, CROPS, LABEL_MAP_SHARE
from BrainMetsAILib.training.anatomy_windows import SPACING_MM, WINDOW
from BrainMetsAILib.training.bundle_writing import write_whole_bundle

NAME = "brainmets_anatomy"
Measured = Mapping[str, Mapping[str, float]]
"""Kind of heads → figure → value, as `anatomy_evaluation.summary` gives it."""
GOALS = "Goals: brain Dice 0.97 on rendered label maps, 0.94 on real volumes with skull."
_FORMAT = {"type": "image", "format": "magnitude", "modality": "MR", "dtype": "float32", "value_range": [-4, 8], "is_patch_data": True}


def write_anatomy_bundle(state: Path, bundle: Path, measured: Measured | None = None, version: str = "0.1.0") -> None:
    """The whole bundle, card included, in one move.

    Parameters
    ----------
    state
        ``state.pt`` of the training.
    bundle
        Its folder; what it held is replaced.
    measured
        What `anatomy_evaluation` wrote; without it the card says that nothing was measured.
    version
        Of the bundle.
    """
    shape = list(WINDOW)
    regions = {str(int(region)): region.name.lower() for region in Region}
    metadata = {
        "name": NAME,
        "version": version,
        "description": "Regions of the brain in one T1 or contrast-enhanced T1, skull on or off",
        "task": "Brain mask, lobes and sides, cerebellum, brain stem, deep grey matter, ventricles, choroid plexus",
        "intended_use": "Research only; not for clinical decisions",
        "authors": "BrainMetsAI contributors",
        "copyright": "BrainMetsAI contributors",
        "license": "Apache-2.0",
        "data_type": "rendered label maps and public head volumes",
        "network_data_format": {
            "inputs": {"image": {**_FORMAT, "num_channels": 1, "spatial_shape": shape, "channel_def": {"0": "T1 or T1c"}}},
            "outputs": {
                "pred": {
                    **_FORMAT,
                    "type": "probabilities",
                    "format": "segmentation",
                    "value_range": [0, 1],
                    "num_channels": len(Region),
                    "spatial_shape": shape,
                    "channel_def": regions,
                }
            },
        },
    }
    settings = {"task": ANATOMY, "spacing_mm": SPACING_MM, "patch": shape, "overlap": 0.25}
    licence = (models_folder() / NAME / "LICENSE").read_text(encoding="utf-8")
    write_whole_bundle(bundle, state, metadata, settings, lambda trained, digest: card(trained, digest, measured), licence)


def card(trained: Mapping[str, Any], digest: str, measured: Measured | None) -> str:
    """The model card in Markdown."""
    parameters = sum(int(value.numel()) for value in trained["network"].values())
    widths, share = trained["sizes"]["widths"], f"{100 * LABEL_MAP_SHARE:.0f} %"
    crop = " × ".join(str(n) for n in CROP)
    regions = ", ".join(region.name.lower().replace("_", " ") for region in Region)
    return f"""# Model card: {NAME}

**What it is.** A residual 3D U-Net over blocks of 2³ voxels ({parameters:,} parameters, half precision, widths {widths}) that gives every
voxel of one T1 or contrast-enhanced T1, resampled to {SPACING_MM:g} mm, one of {len(Region)} regions: {regions}.
Left and right are the patient's.
BrainMetsAI uses it for the brain mask, the location of lesions, the masks of brain surface and choroid plexus, and the check that an image
shows a head.

**Research use only.** Not a medical device and not for clinical decisions.

## Training

| what | source | licence |
|---|---|---|
| 14 whole-head label maps, rendered in random contrasts ({share} of the windows) | SynthSeg `training_seg_01..14` | Apache-2.0 |
| T1, skull on | brainchop | MIT |
| T1, brain extracted | niimath-bitmap (CC0), coreg_qa (BSD-2-Clause) | as named |
| contrast-enhanced T1, brain extracted | open_ms_data, Lesjak et al., Neuroinformatics 2017 | CC BY |
| lobes, carried over non-linearly | averaged FreeSurfer parcellation of the HCP pipelines | HCP (BSD-like) |
| regions of the real volumes, carried over non-linearly | ICBM 2009a symmetric atlas with the eReg lobes | McGill permissive, BSD |

Tissue of the label maps is their own (FreeSurfer); only the lobe of cortex and white matter comes from the atlas: the nearest lobe of the
same hemisphere. Lobes are FreeSurfer's grouping of the Desikan-Killiany parcels (NeuroImage 2006;31:968), the insula apart. The brain mask
holds sulci and ventricles (closing by 6 mm). Choroid plexus is that of the lateral ventricles. The idea of random contrasts is SynthSeg's
(Billot et al., Med Image Anal 2023;86:102789). Windows of {" × ".join(str(n) for n in WINDOW)} voxels with random shape, mirror image,
contrast, bias field, noise, blur, slices to 7 mm, enhancing vessels, dura and choroid plexus, tumours to 55 mm with oedema, cavities, brain
extraction of five kinds, defacing, and fields of view that end inside the head; one in 25 showed no head at all.

{trained["step"]} steps in {trained["spent_s"] / 60:.0f} minutes: of {CROPS} parts of {crop} voxels of one window until
{100 * CROPPED_SHARE:.0f} % of the time were over, then of whole windows. Cross-entropy and Dice at full resolution, at a quarter and at
an eighth of it. The weights are {"the running average with the lowest validation loss" if trained["best"] else "the running average"}.
SHA-256 `{digest}`.

## Measured

{_table(measured)}

## What it does not know

- Real tumours: every tumour it saw was drawn, and none pushed the brain aside.
- Children, malformations, large resections, head CT, images other than T1.
- Lobes follow an atlas, not the sulci of the patient: near a border between lobes they are a guess of some millimetres.
- Choroid plexus of the third and fourth ventricle counts as ventricle.
- Brain mask and regions are made at {SPACING_MM:g} mm: fit to say where a lesion lies, not to measure a brain.
"""


def _table(measured: Measured | None) -> str:
    if not measured:
        return f"Nothing yet. {GOALS}"
    names = list(next(iter(measured.values())))
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for kind, figures in measured.items():
        lines.append(f"| {kind} | " + " | ".join(f"{figures[n]:.0f}" if n == "heads" else f"{figures[n]:.3f}" for n in names) + " |")
    return "\n".join(
        [
            "Label maps 17 to 20 were never trained on; they are rendered by the generator that made the training windows, which is",
            "kinder than reality. Real volumes, none of them trained on, are compared with the ICBM atlas carried over non-linearly,",
            f"which is no truth either. {GOALS}",
            "",
            *lines,
        ]
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--measured", type=Path, help="anatomy.json of anatomy_evaluation")
    parser.add_argument("--version", default="0.1.0")
    args = parser.parse_args()
    write_anatomy_bundle(args.state, args.bundle, json.loads(args.measured.read_text()) if args.measured else None, args.version)


if __name__ == "__main__":
    main()

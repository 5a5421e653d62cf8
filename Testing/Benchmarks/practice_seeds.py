"""What a bundled network finds in practice cases that it never saw: ``python Testing/Benchmarks/practice_seeds.py HEAD… --seeds 11 12``.

All lesions are synthetic, drawn by the generator that also made the training windows, into heads that were not trained on.
A volume given with ``--lesion-free`` is searched as it is: everything found there is a false positive.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from BrainMetsAILib.images.geometry import array_of
from BrainMetsAILib.models.bundles import anatomy_bundle, find_bundle
from BrainMetsAILib.models.inference import find_lesions
from BrainMetsAILib.models.postprocess import with_score_at_least
from BrainMetsAILib.models.settings import balanced_score, operating_points
from BrainMetsAILib.synthesis.practice import make_practice_case
from BrainMetsAILib.synthesis.scoring import match_to_truth

BINS = ((0, 3), (3, 5), (5, 8), (8, 10), (10, 99))


def main() -> None:
    """Print sensitivity by size, false positives and volume errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heads", nargs="*", type=Path)
    parser.add_argument("--seeds", nargs="*", type=int, default=[11, 12, 13])
    parser.add_argument("--lesion-free", nargs="*", type=Path, default=[])
    parser.add_argument("--model", default=None)
    parser.add_argument("--score", type=float, help="count lesions from this score on (the network's balanced point)")
    args = parser.parse_args()
    bundle = find_bundle(args.model)
    least = balanced_score(operating_points(bundle)) if args.score is None else args.score
    found: dict[tuple[int, int], list[bool]] = defaultdict(list)
    errors, false = [], []
    for head in args.heads:
        volume = sitk.ReadImage(str(head), sitk.sitkFloat32)
        for seed in args.seeds:
            case = make_practice_case(volume, seed)
            for which, examination in (("baseline", case.baseline), ("follow-up", case.follow_up)):
                started = time.monotonic()
                finding = with_score_at_least(find_lesions(examination.image, bundle, anatomy_bundle()), least)
                score = match_to_truth(finding.labels, examination.labels)
                volumes = np.bincount(array_of(finding.labels).ravel(), minlength=2) * float(np.prod(volume.GetSpacing())) / 1000
                hits = {h.true_number: h for h in score.hits}
                for lesion in examination.truth:
                    size = next(b for b in BINS if b[0] <= lesion.diameter_mm < b[1])
                    found[size].append(lesion.number in hits)
                    if lesion.number in hits and lesion.diameter_mm >= 10:
                        errors.append(abs(volumes[hits[lesion.number].number] / lesion.volume_ml - 1))
                false.append(len(score.false))
                missed = [f"{t.diameter_mm:.1f} mm {t.kind}" for t in examination.truth if t.number in score.missed]
                counts = f"{len(hits)}/{len(examination.truth)}, {len(score.false)} false, {time.monotonic() - started:.0f} s"
                print(f"{head.name} seed {seed} {which}: {counts}; missed {missed}", flush=True)
    for size in BINS:
        if found[size]:
            print(f"{size[0]}-{size[1]} mm: {sum(found[size])}/{len(found[size])}")
    if false:
        print(f"false positives a volume: mean {np.mean(false):.2f}, most {max(false)}")
        print(f"volume error of lesions >= 10 mm: median {100 * np.median(errors):.0f} %")
    for path in args.lesion_free:
        finding = with_score_at_least(find_lesions(sitk.ReadImage(str(path), sitk.sitkFloat32), bundle, anatomy_bundle()), least)
        scores = ", ".join(f"{s:.2f}" for s in finding.scores.values())
        print(f"{path.name} (lesion-free): {len(finding.scores)} false positives ({scores})")


if __name__ == "__main__":
    main()

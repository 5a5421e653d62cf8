"""The probability maps of a review as the content of a file beside its recovery file: a JSON line, then all voxels compressed.

Written once for each finding. Maps are kept to three decimals in the scene already (`volumes.add_probability`), so 16-bit thousandths lose
nothing, and nearly all of them are 0: about 1 MB.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer

from BrainMetsAILib.images.geometry import image_from_ijk_to_ras
from BrainMetsAILib.scene.review import NECROSIS_ROLE, PROBABILITY_ROLE, put_maps, review_nodes
from BrainMetsAILib.scene.volumes import ijk_to_ras_of

VERSION = 1
STEPS = 1000  # of the probability
PIECE = 1 << 20  # voxels a step: some 10 ms

Maps = Mapping[str, npt.NDArray[np.float32]]  # reference role → probability [k, j, i] on the volume's grid


def maps_of(segmentation: Any) -> dict[str, npt.NDArray[np.float32]]:
    """The maps of a review, as views of the scene's own voxels; without those that are not on the volume's grid."""
    volume = review_nodes(segmentation).volume
    nodes = {role: segmentation.GetNodeReference(role) for role in (PROBABILITY_ROLE, NECROSIS_ROLE)}
    shape = slicer.util.arrayFromVolume(volume).shape
    arrays = {role: slicer.util.arrayFromVolume(node) for role, node in nodes.items() if node is not None and node.GetImageData()}
    return {role: array for role, array in arrays.items() if array.shape == shape}


def maps_stamp(segmentation: Any) -> tuple[int, ...]:
    """Changes when the maps change; cheap."""
    nodes = [segmentation.GetNodeReference(role) for role in (PROBABILITY_ROLE, NECROSIS_ROLE)]
    return tuple(node.GetImageData().GetMTime() for node in nodes if node is not None and node.GetImageData())


def map_pieces(maps: Maps) -> Iterator[bytes]:
    """Maps as the content of a file, piece by piece."""
    head = {"version": VERSION, "maps": {role: array.shape for role, array in maps.items()}}
    yield json.dumps(head).encode() + b"\n"
    packing = zlib.compressobj(1)
    for array in maps.values():
        flat = array.reshape(-1)
        for start in range(0, flat.size, PIECE):
            yield packing.compress(np.rint(flat[start : start + PIECE] * STEPS).astype("<u2").tobytes())
    yield packing.flush()


def maps_from_bytes(content: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """What `map_pieces` gave.

    Raises
    ------
    ValueError
        If the bytes are damaged or of another version.
    """
    try:
        line, packed = content.split(b"\n", 1)
        head = json.loads(line)
        if head["version"] != VERSION:
            raise ValueError("another version")
        voxels = np.frombuffer(zlib.decompress(packed), "<u2")
        maps, place = {}, 0
        for role, shape in head["maps"].items():
            size = int(np.prod(shape))
            maps[role] = voxels[place : place + size].astype(np.float32).reshape(shape)
            maps[role] /= STEPS
            place += size
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise ValueError("The probability maps that were kept are damaged or of another version.") from error
    return maps


def restore_maps(maps: Maps, segmentation: Any, volume: Any) -> None:
    """Give a review its maps back, where they fit its volume."""
    shape, matrix = slicer.util.arrayFromVolume(volume).shape, ijk_to_ras_of(volume)
    roles = (PROBABILITY_ROLE, NECROSIS_ROLE)
    fitting = {role: image_from_ijk_to_ras(array, matrix) for role, array in maps.items() if role in roles and array.shape == shape}
    put_maps(segmentation, volume, fitting)

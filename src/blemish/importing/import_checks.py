"""What only all photographs of a source together show: duplicates, inverted masks, unused bits."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from statistics import median

from blemish.errors import DataError
from blemish.files import sha256_bytes
from blemish.folder_walk import LeftOut
from blemish.image_statistics import ImageStatistics
from blemish.importing.duplicates import describe_joined, join_groups
from blemish.importing.import_plan import Source
from blemish.importing.reading import ReadImage
from blemish.importing.report import ImportReport, describe_bits
from blemish.sets import Fault, SetWriter, find_duplicates, refuse
from blemish.terminal_text import printable

ADVICE = "Nothing was imported; fix or remove each, then import again."
_DUPLICATES = "Equal photographs in different groups: --join-duplicates gives them one group."
_INVERTED = 0.5  # share of the image that masks mark in the median; rather inverted than true


@dataclass
class ImportOutcome:
    """What reading all photographs of a source has found."""

    report: ImportReport
    faults: list[Fault]
    statistics: list[ImageStatistics] = field(default_factory=list)
    read: list[ReadImage] = field(default_factory=list)
    """The photographs taken, without their pixels."""
    misfits: list[tuple[str, str]] = field(default_factory=list)
    """Photographs of another size than the region of interest, and their size."""

    def add(self, result: ReadImage) -> None:
        """Keep what one photograph has shown."""
        self.faults += result.faults
        if result.misfit:
            self.misfits.append((printable(result.source.file), result.misfit))
        self.report.remarks.update(set(result.remarks))
        if result.left_out:
            self.report.left_out.append(LeftOut(printable(result.source.file), result.left_out))
        if result.statistics is not None:
            self.statistics.append(result.statistics)
            self.read.append(replace(result, encoded=None, mask_digest=_mask_digest(result)))


def check_all(
    source: Source, outcome: ImportOutcome, writer: SetWriter, ids: Mapping[PurePosixPath, str]
) -> None:
    """Check all photographs of a source together.

    Raises:
        DataError: Some cannot be used; names every file at fault once.
    """
    _check_region_size(source, outcome)
    identities = [
        (printable(one.source.file), one.source.group or ids[one.source.file], one.digest)
        for one in outcome.read
    ]
    if source.join_duplicates:
        joined = join_groups(identities)
        writer.regroup(joined)
        outcome.report.remarks.update(describe_joined(identities, joined))
        identities = []
    duplicates = find_duplicates(identities)
    advice = f"{ADVICE} {_DUPLICATES}" if duplicates else ADVICE
    refuse([*outcome.faults, *duplicates], advice)
    _check_inverted(source, outcome)
    _remark_bits(source, outcome)
    _remark_contradictions(outcome)


def _check_region_size(source: Source, outcome: ImportOutcome) -> None:
    if source.region is not None and outcome.misfits:
        name, size = outcome.misfits[0]
        problem = (
            f"the region of interest has another size than {len(outcome.misfits)} images, such as "
            f"{name} with {size} pixels; one region serves images of one size"
        )
        outcome.faults.append(Fault(source.region.name, problem))


def _check_inverted(source: Source, outcome: ImportOutcome) -> None:
    """Refuse masks that mark most of most images."""
    shares = [one.masked_share for one in outcome.read if one.masked_share]
    if shares and median(shares) > _INVERTED and not source.choices.large_defects:
        raise DataError(
            f"The masks of {source.root.name} mark {median(shares):.0%} of their images in the "
            "median: are they inverted? Use --defect-values with the values that mark a defect, "
            "or --large-defects where it is true. Nothing was imported."
        )


def _remark_bits(source: Source, outcome: ImportOutcome) -> None:
    used = [one.used_bits for one in outcome.read if one.used_bits is not None]
    if source.choices.bits is None and (warning := describe_bits(used)):
        outcome.report.remarks[warning] = len(used)


def _remark_contradictions(outcome: ImportOutcome) -> None:
    masks: dict[str, set[str]] = defaultdict(set)
    for one in outcome.read:
        masks[one.digest].add(one.mask_digest)
    contradicting = sum(len(different) > 1 for different in masks.values())
    if contradicting:
        remark = "photograph that is there more than once, with different masks"
        outcome.report.remarks[remark] = contradicting


def _mask_digest(result: ReadImage) -> str:
    return sha256_bytes(result.encoded.mask_png) if result.encoded else ""

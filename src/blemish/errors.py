"""Every exception that Blemish raises on purpose.

A message says what failed, the value received, what is accepted and the next command::

    BlemishError
    |-- ParamsError            params.yaml or an option holds something we do not accept
    |-- WorkspaceError         no checkout here, or its files are corrupt
    |-- ShapeError             arrays of the wrong shape or type were handed over
    |-- DataError              a set holds files we cannot use; names each of them, once
    |-- ImageError             an image was refused by the image decoder
    |   |-- ImageTypeError         not an image of an accepted format
    |   |-- ImageSizeError         more bytes or pixels than the limits allow
    |   `-- ImageContentError      the right format, but broken or ambiguous
    |-- ModelFileError         a model file is not what its contract says
    |   |-- TamperedModelError     its bytes do not match the recorded SHA-256
    |   `-- ModelOutputError       it answered an image by values that are no probabilities
    |-- InferenceInterruptedError  an inference was ended before it was done
    |-- TrainingError          training cannot go on (a NaN loss, a lost checkpoint)
    |-- ParityError            an exported model answers differently from its source
    |-- StoreError             the MLflow store cannot be used
    |   |-- StoreUnreachableError  it does not answer
    |   `-- NotFoundError          it has no such version or alias
    |-- PromotionError         a promotion was not carried out
    |   `-- PromotionConflictError somebody else moved the alias meanwhile
    |-- ScoringError           `blemish score` cannot begin or go on
    |   `-- SourceError            what SOURCE or OUT names cannot be used
    `-- ServiceError           the API, the prediction log or the dashboard cannot do as asked
"""

from collections.abc import Sequence


class BlemishError(Exception):
    """Base of every error that is ours; its message is fit for a person to read."""


class ParamsError(BlemishError):
    """A parameter or option has a name or a value that is not accepted."""


class WorkspaceError(BlemishError):
    """The checkout is missing, or one of its files is corrupt."""


class ShapeError(BlemishError):
    """An array has the wrong shape or type."""


class DataError(BlemishError):
    """A set holds files that cannot be used.

    Args:
        summary: What is wrong and what to do next.
        files: One line for each offending file: its name and its fault.
    """

    def __init__(self, summary: str, files: Sequence[str] = ()) -> None:
        self.summary = summary
        self.files = tuple(files)
        super().__init__("\n".join([summary, *(f"  {line}" for line in self.files)]))


class ImageError(BlemishError):
    """An image was refused by the image decoder."""


class ImageTypeError(ImageError):
    """The bytes are not an image of an accepted format."""


class ImageSizeError(ImageError):
    """The image has more bytes or pixels than the limits allow."""


class ImageContentError(ImageError):
    """The image has an accepted format but is broken or ambiguous."""


class ModelFileError(BlemishError):
    """A model file is not what its contract says."""


class TamperedModelError(ModelFileError):
    """The bytes of a model file do not match the SHA-256 recorded for it."""


class ModelOutputError(ModelFileError):
    """A model answered by values that are no probabilities."""


class InferenceInterruptedError(BlemishError):
    """An inference was ended before it was done."""


class TrainingError(BlemishError):
    """Training cannot go on."""


class ParityError(BlemishError):
    """An exported model answers differently from the one it was made from."""


class StoreError(BlemishError):
    """The MLflow store cannot be used."""


class StoreUnreachableError(StoreError):
    """The MLflow store does not answer."""


class NotFoundError(StoreError):
    """The store has no such version, alias or artifact."""


class PromotionError(BlemishError):
    """A promotion was not carried out."""


class PromotionConflictError(PromotionError):
    """Somebody else moved the alias meanwhile."""


class ServiceError(BlemishError):
    """A service of ours cannot do as asked."""


class ScoringError(BlemishError):
    """A scoring job cannot begin or go on."""


class SourceError(ScoringError):
    """What SOURCE or OUT names cannot be used."""

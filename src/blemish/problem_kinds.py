"""The types of the API's problems: the log keeps their codes, and pages say their titles."""

from enum import Enum

_TYPE = "urn:blemish:problem:1:"  # the 1 changes when a type changes its meaning


class ProblemKind(Enum):
    """The types of problems; a code never changes its meaning."""

    MALFORMED = "malformed", 400, "The request cannot be read"
    KEY = "key", 401, "No valid API key"
    NOT_FOUND = "not-found", 404, "There is nothing at this address"
    MODEL_UNKNOWN = "model-unknown", 404, "There is no such model, version or alias"
    ORIGIN = "origin", 403, "Pages of other origins may not ask"
    HOST = "host", 421, "This server does not answer to that name"
    METHOD = "method", 405, "The address does not take this method"
    BODY_TIMEOUT = "body-timeout", 408, "The body did not come in time"
    TOO_LARGE = "too-large", 413, "More bytes or pixels than accepted"
    MEDIA_TYPE = "media-type", 415, "No image of an accepted format"
    QUERY = "query", 422, "A parameter is not accepted"
    IMAGE = "image", 422, "The image is broken or ambiguous"
    FORM = "form", 422, "The form is not accepted"
    TENSOR = "tensor", 400, "The tensors are not accepted"
    RATE = "rate", 429, "The key has used up its requests"
    MODEL_OUTPUT = "model-output", 500, "The model answered by values that are no probabilities"
    INTERNAL = "internal", 500, "A fault of ours"
    BUSY = "busy", 503, "All workers and the queue are taken"
    NO_MODEL = "no-model", 503, "No verified model is loaded"
    MODEL_UNUSABLE = "model-unusable", 503, "That version cannot be served"
    MODEL_SLOW = "model-slow", 504, "The model did not answer in time"
    DEADLINE = "deadline", 504, "The request became older than its deadline"

    def __init__(self, code: str, status: int, title: str) -> None:
        self.code = code
        self.status = status
        self.title = title

    @property
    def uri(self) -> str:
        """The stable ``type`` of its answers."""
        return _TYPE + self.code


_TITLES = {kind.code: kind.title for kind in ProblemKind}


def problem_title(code: str) -> str:
    """Return the title of a problem; the code itself where it is of another release."""
    return _TITLES.get(code, code)

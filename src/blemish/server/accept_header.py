"""Which of two answers an ``Accept`` header prefers (RFC 9110, section 12.5.1)."""


def prefers_png(accept: str) -> bool:
    """Say whether a header wants a PNG rather than JSON; JSON where it wants both alike."""
    weights = dict(_weighted(item) for item in accept.lower().split(","))
    return _weight_of("image/png", weights) > _weight_of("application/json", weights)


def _weight_of(kind: str, weights: dict[str, float]) -> float:
    """Return the weight of the most specific range that covers a media type."""
    group = kind.partition("/")[0]
    return next(
        (weights[name] for name in (kind, f"{group}/*", "*/*") if name in weights),
        0.0,
    )


def _weighted(item: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in item.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return kind, min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return kind, 0.0
    return kind, 1.0

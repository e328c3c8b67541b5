"""What comparisons keep between reruns, keyed by the content of models and images."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from blemish.dashboard.compare.compared_images import ComparedImage
from blemish.dashboard.compare.fair_images import splits_by_digest
from blemish.dashboard.compare.model_comparison import ModelComparison
from blemish.dashboard.compare.paired_metrics import PairedMetric, paired_metrics
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.compare.version_trials import VersionTrials
from blemish.dashboard.image_collections import ImageCollection
from blemish.dashboard.page_cache import BY_RUN, THREADS, registry
from blemish.registry import Version, load_verified

# By what Streamlit tells one argument of a cached function from another.
_BY_CONTENT: dict[str | type[Any], Callable[[Any], Any]] = {
    Pair: lambda pair: [side.version.sha256 for side in pair.sides],
    ImageCollection: lambda collection: collection.digest,
    ComparedImage: lambda image: image.index,
}


@st.cache_resource(
    max_entries=8, show_spinner=False, hash_funcs=_BY_CONTENT, on_release=ModelComparison.stop
)
def comparison_of(pair: Pair, collection: ImageCollection) -> ModelComparison:
    """Return the comparison of a pair on a collection, begun if need be."""
    return ModelComparison(collection, pair.a.model, pair.b.model)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_BY_CONTENT)
def metrics_of(
    pair: Pair,
    collection: ImageCollection,
    thresholds: tuple[float, float],
    counted: Sequence[ComparedImage],
) -> tuple[PairedMetric, ...]:
    """Return the pooled metrics of images; a step to the next one asks for the same again.

    Args:
        pair: The versions.
        collection: Where the images come from.
        thresholds: Threshold of A and threshold of B.
        counted: The images that count.
    """
    del pair, collection, thresholds  # they name the result together with the images
    return paired_metrics(counted)


@st.cache_resource(
    max_entries=2,
    show_spinner=False,
    hash_funcs=_BY_CONTENT | {Version: lambda version: (version.version, version.sha256)},
    on_release=VersionTrials.stop,
)
def version_trials(versions: tuple[Version, ...], collection: ImageCollection) -> VersionTrials:
    """Return the trials of versions on a collection, begun if need be."""
    connected = registry()
    return VersionTrials(
        collection, versions, lambda one: load_verified(connected, one, threads=THREADS)
    )


@st.cache_data(ttl=60, max_entries=16, show_spinner=False, hash_funcs=BY_RUN)
def image_splits(version: Version) -> dict[str, str] | None:
    """Return the split of each image that a version's run knows; None where nobody recorded it."""
    digests = registry().image_digests(version)
    return None if digests is None else splits_by_digest(digests)

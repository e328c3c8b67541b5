"""A version as tags and metrics have it, sound or edited by hand."""

from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace

import pytest

from blemish.registry.version import Version


@dataclass
class Found:
    """What MLflow returns for a version."""

    tags: dict[str, str]
    version: str = "3"
    run_id: str = "r"
    creation_timestamp: int = 0
    aliases: list[str] = field(default_factory=list)


def version(tags: dict[str, str], metrics: dict[str, float] | None = None) -> Version:
    run = SimpleNamespace(
        info=SimpleNamespace(run_id="r"), data=SimpleNamespace(metrics=metrics or {}, params={})
    )
    return Version.from_mlflow(Found(tags), run, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0,24", "high", "nan", "inf", "", "1e999", "0x1"])
def test_a_tag_edited_by_hand_is_left_out_and_named(text: str) -> None:
    """A tag that is no finite number costs that number alone."""
    edited = version({"test_dice": text, "test_iou": "0.5", "size_bytes": text})
    assert (edited.dice, edited.size_bytes, edited.iou) == (None, None, 0.5)
    named = [fault for fault in edited.faults if "test_dice" in fault]
    assert len(named) == (1 if text else 0)


def test_metrics_that_are_not_finite_are_left_out_and_named() -> None:
    """A run whose metric is NaN still has its other metrics, and JSON can hold them."""
    odd = version({}, {"val_dice": float("nan"), "test_dice": 0.5, "loss": float("inf")})
    assert odd.metrics == {"test_dice": 0.5}
    assert sorted(odd.unusable_metrics) == ["loss", "val_dice"]
    assert len(odd.faults) == 2
    assert Version.from_document(odd.to_document()) == odd
    assert odd.created.tzinfo is not None
    assert isinstance(odd.created, datetime)

"""``/v1/models``: what the registry has, and where it came from."""

import math
from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, field_validator

from blemish.server.problems import refusals
from blemish.server.query_rules import refuse_any_query
from blemish.server.service import ServiceDep
from blemish.store.names import MODEL

router = APIRouter(prefix="/v1/models", tags=["models"], dependencies=[Depends(refuse_any_query)])


class ModelSummary(BaseModel):
    """One version, in short; read from the registry's :class:`~blemish.registry.Version`."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    aliases: tuple[str, ...]
    precision: str
    sha256: str
    fingerprint: str
    git_commit: str
    created: datetime
    metrics: Mapping[str, float | None]
    """None where the registry holds a value that is not finite."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _leave_out_what_json_cannot_say(
        cls, metrics: Mapping[str, float]
    ) -> dict[str, float | None]:
        return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


class ModelLineage(ModelSummary):
    """One version with where it came from: run, commit, data digests, params."""

    run_id: str
    record: str
    git_dirty: bool | None
    params: Mapping[str, str]
    tags: Mapping[str, str]


class ModelList(BaseModel):
    """All versions, the newest first."""

    name: str
    serving: int | None
    aliases: Mapping[str, int]
    versions: tuple[ModelSummary, ...]


@router.get("", responses=refusals(422))
async def list_models(service: ServiceDep) -> ModelList:
    """List all versions, the newest first, as the registry said last."""
    state = service.models.state
    return ModelList(
        name=MODEL,
        serving=state.champion.version.version if state.champion else None,
        aliases=state.snapshot.aliases,
        versions=tuple(map(ModelSummary.model_validate, state.snapshot.versions)),
    )


@router.get("/{ref}", responses=refusals(404, 422, 503))
async def show_model(ref: str, service: ServiceDep) -> ModelLineage:
    """Show one version with its whole lineage: run, commit, data digests, params."""
    return ModelLineage.model_validate(await service.models.version_of(ref))

"""``/v1/models``: what the registry has, and where it came from."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from blemish.registry import Version
from blemish.server.openapi import MODEL, MODELS
from blemish.server.queries import parse_query
from blemish.server.service import service_of
from blemish.server.slot import MODEL as NAME

router = APIRouter()


@router.get("/v1/models", **MODELS)
async def list_models(request: Request) -> JSONResponse:
    """List all versions, the newest first, as the registry said last."""
    parse_query(request.scope["query_string"], ())
    slot = service_of(request).slot
    served = slot.champion.version.version if slot.champion else None
    return JSONResponse(
        {
            "name": NAME,
            "serving": served,
            "aliases": dict(slot.catalogue.aliases),
            "versions": [_summary(version) for version in slot.catalogue.versions],
        }
    )


@router.get("/v1/models/{ref}", **MODEL)
async def show_model(request: Request, ref: str) -> JSONResponse:
    """Show one version with its whole lineage: run, commit, data digests, params."""
    parse_query(request.scope["query_string"], ())
    version = await service_of(request).slot.describe(ref)
    return JSONResponse(
        {
            **_summary(version),
            "run_id": version.run_id,
            "record": version.record,
            "git_dirty": version.git_dirty,
            "params": dict(version.params),
            "tags": dict(version.tags),
        }
    )


def _summary(version: Version) -> dict[str, Any]:
    return {
        "version": version.version,
        "aliases": list(version.aliases),
        "precision": version.precision,
        "sha256": version.sha256,
        "fingerprint": version.fingerprint,
        "git_commit": version.git_commit,
        "created": version.created.isoformat(),
        "metrics": dict(version.metrics),
    }

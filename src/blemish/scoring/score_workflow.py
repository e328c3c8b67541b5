"""``blemish score`` from beginning to end."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from blemish.config.monitor import Drift
from blemish.config.serve import Serve
from blemish.errors import NotFoundError, ScoringError
from blemish.files import sha256_bytes
from blemish.inference import Segmenter
from blemish.model_card import ModelCard
from blemish.registry import ModelCache, Registry
from blemish.scoring.job_folder import JobFolder
from blemish.scoring.local_engine import LocalEngine, usable_cores
from blemish.scoring.plan_growth import Growth, grow_plan
from blemish.scoring.score_options import ScoreOptions, find_model
from blemish.scoring.score_progress import ScoreProgress
from blemish.scoring.score_summary import add_up, describe_totals, write_page
from blemish.scoring.scoring_job import CODE_VERSION, FILE, MODEL_FILE, ScoringJob
from blemish.scoring.shard_parts import ShardParts
from blemish.scoring.shard_plan import ShardPlan
from blemish.scoring.shard_scorer import Assignment, ShardDone, ShardTask


def score(
    sources: Sequence[str],
    out: str,
    options: ScoreOptions,
    *,
    limits: Serve,
    drift: Drift,
) -> dict[str, Any]:
    """Score all images that SOURCE names; go on where the same job stopped.

    Args:
        sources: Files, folders, globs, manifests, URLs.
        out: A folder or the URL of an object store.
        options: What the user asked for.
        limits: Limits of the image decoder.
        drift: When drift counts.

    Returns:
        The content of ``summary.json``.

    Raises:
        SourceError: SOURCE or OUT cannot be used.
        ScoringError: OUT holds something else, cannot be written or is full, or a worker cannot go
            on.
        StoreError: The registry has no such version.
    """
    folder = JobFolder(out)
    with _faults_of(folder), folder.claimed():
        job, card = _open_job(folder, options, limits)
        growth = grow_plan(
            folder, sources, limit=options.limit, rescore_changed=options.rescore_changed
        )
        parts = ShardParts.scan(folder)
        parts.remove_leftovers()
        tasks = list(pending_tasks(growth.plan, parts, retry_errors=options.retry_errors))
        left = sum(growth.plan.size_of(task.shard) for task in tasks)
        workers = options.workers or usable_cores()
        with ScoreProgress(growth.plan.images, growth.plan.images - left) as progress:
            run_engine(Assignment(folder, job, growth.plan), tasks, options, workers, progress)
        run = _describe_run(progress, options, workers)
        totals = describe_totals(add_up(ShardParts.scan(folder), card), drift)
        summary = {"job": job.identity, "model": _describe_model(job), **totals}
        summary |= {"run": run, "plan": _describe_plan(growth, options)}
        folder.write("summary.json", json.dumps(summary, indent=2, allow_nan=False).encode())
        folder.write("summary.txt", write_page(summary).encode())
        return summary


@contextmanager
def _faults_of(folder: JobFolder) -> Iterator[None]:
    """Turn faults of the output folder into a sentence; those of SOURCE are rows or sentences.

    Raises:
        ScoringError: The folder cannot be used.
    """
    try:
        yield
    except OSError as error:
        raise ScoringError(
            f"OUT {folder} cannot be used: {error.strerror or error}. What was done stays done: "
            "free some space or make it accessible, and run the same command again."
        ) from error


def pending_tasks(plan: ShardPlan, parts: ShardParts, *, retry_errors: bool) -> Iterator[ShardTask]:
    """Yield the shards that are left to do, in order; a shard only once.

    Args:
        plan: All shards.
        parts: Those that are done.
        retry_errors: Take those with failed images again.
    """
    redone = {
        shard: generation.number
        for generation in plan.generations
        for shard in generation.redone_shards
    }
    for shard in range(plan.shards):
        commit = parts.commits.get(shard)
        if commit is None:
            yield ShardTask(shard)
        elif redone.get(shard, 0) > commit.generation:
            yield ShardTask(shard, "changes", redone[shard])
        elif retry_errors and parts.failed_images(shard):
            yield ShardTask(shard, "errors")


def run_engine(
    assignment: Assignment,
    tasks: Sequence[ShardTask],
    options: ScoreOptions,
    workers: int,
    progress: ScoreProgress,
) -> None:
    """Do the shards with the engine that was asked for."""
    if not tasks:
        return
    if options.engine == "local":
        LocalEngine(assignment, workers, lambda _: None, progress.advance).run(tasks)
        return
    from blemish.scoring.ray_engine import RayEngine  # noqa: PLC0415 - Ray is an extra

    def done(shard: ShardDone) -> None:
        progress.advance(shard.images)

    RayEngine(assignment, options.address, workers, done, progress.tell).run(tasks)


def _open_job(
    folder: JobFolder, options: ScoreOptions, limits: Serve
) -> tuple[ScoringJob, ModelCard]:
    """Begin a job, or go on with the one that is there.

    Raises:
        ScoringError: The folder holds something else, or another job.
    """
    if folder.exists(FILE):
        before = ScoringJob.from_json(folder.read(FILE), str(folder))
        before.require_same(_wanted_job(before, options, limits), str(folder))
        return before, _restore_model(folder, before).card
    if foreign := folder.foreign_names():
        raise ScoringError(
            f"{folder} holds something else ({', '.join(foreign[:3])}) and no {FILE}. Name a new "
            "or an empty folder: --out DIR"
        )
    model = find_model(options.ref)
    job = model.job(options, limits)
    folder.write(FILE, job.to_json())
    folder.write(MODEL_FILE, model.data)
    return job, model.segmenter.card


def _wanted_job(before: ScoringJob, options: ScoreOptions, limits: Serve) -> ScoringJob:
    """Return the job that the options describe; a reference keeps its first meaning."""
    if options.ref != before.model_ref or options.ref.endswith(".onnx"):
        return find_model(options.ref).job(options, limits)
    return replace(
        before,
        masks=options.masks,
        mask_png=options.mask_png,
        bits=options.bits,
        megabytes=limits.megabytes,
        megapixels=limits.megapixels,
        side=limits.side,
        code_version=CODE_VERSION,
    )


def _restore_model(folder: JobFolder, job: ScoringJob) -> Segmenter:
    """Load the model that lies in the job's folder; put it there again where it is missing.

    Raises:
        NotFoundError: It is missing there, and nobody else has it.
    """
    with suppress(FileNotFoundError):
        data = folder.read(MODEL_FILE)
        if sha256_bytes(data) == job.model_sha256:
            return Segmenter.from_bytes(data, threads=1)
    found = ModelCache().get(job.model_sha256)
    if found is None and job.model_version is None:
        found = find_model(job.model_ref).data
    elif found is None:
        registry = Registry.connect()
        found = registry.model_bytes(registry.resolve(job.model_version or 0))
    if sha256_bytes(found) != job.model_sha256:
        raise NotFoundError(
            f"The model of this job, {job.model_sha256[:12]}, is no longer in {folder} and "
            f"{job.model_name} is another file now. What was done stays done; restore "
            f"{MODEL_FILE} there, or name another folder: --out DIR"
        )
    folder.write(MODEL_FILE, found)
    return Segmenter.from_bytes(found, threads=1)


def _describe_model(job: ScoringJob) -> dict[str, Any]:
    return {
        "name": job.model_name,
        "version": job.model_version,
        "precision": job.precision,
        "sha256": job.model_sha256,
        "fingerprint": job.fingerprint,
        "threshold": job.threshold,
        "peak": job.peak,
    }


def _describe_run(progress: ScoreProgress, options: ScoreOptions, workers: int) -> dict[str, Any]:
    seconds = max(progress.seconds, 1e-9)
    return {
        "engine": options.engine,
        "workers": workers,
        "images": progress.here,
        "seconds": round(seconds, 3),
        "images_per_s": round(progress.here / seconds, 3),
    }


def _describe_plan(growth: Growth, options: ScoreOptions) -> dict[str, Any]:
    return {
        "images": growth.plan.images,
        "shards": growth.plan.shards,
        "generations": len(growth.plan.generations),
        "new": growth.new,
        "duplicates": growth.duplicates,
        "changed": growth.changes.changed,
        "vanished": growth.changes.vanished,
        "examples": growth.changes.examples,
        "rescored": options.rescore_changed,
        "unreadable_folders": growth.notes.unreadable_folders,
    }

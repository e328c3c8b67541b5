"""Processes that train together, through Lightning Fabric.

Started plainly there is one process and no process group. Started by ``torchrun`` each process
takes its part of every batch; batch norm and loss are computed over the whole batch, so that the
number of processes changes a loss by rounding only.
"""

import os
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

from blemish.config.learning import Learning
from blemish.errors import ParamsError

T = TypeVar("T")


def open_fabric(params: Learning, block: str) -> Fabric:
    """Join the processes that ``torchrun`` started, or stay alone.

    Args:
        params: Device, precision and batch.
        block: Name of the block of ``params.yaml`` that they stand in, for messages.

    Raises:
        ParamsError: The device is ``cuda`` and there is none, or the batch cannot be divided among
            the processes.
    """
    if params.device == "cuda":
        # Without it deterministic algorithms refuse every matrix product on CUDA.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if params.device == "cuda" and not torch.cuda.is_available():
        raise ParamsError(
            f"{block}.device is 'cuda' but torch sees no CUDA device here; accepted: cpu. "
            f"Run: dvc repro after setting {block}.device to cpu in params.yaml"
        )
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if params.batch % world:
        raise ParamsError(
            f"{block}.batch is {params.batch}, which {world} processes cannot share evenly; "
            f"a multiple of {world} is accepted."
        )
    local = processes_here()
    fabric = Fabric(
        accelerator=params.device,
        devices=local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if chosen_precision(params) == "bfloat16" else "32-true",
    )
    fabric.launch()
    return fabric


def chosen_precision(params: Learning) -> Literal["float32", "bfloat16"]:
    """Return what to compute in: bfloat16 on CUDA; with ``auto`` the processor decides.

    Without instructions for it a processor emulates bfloat16, many times slower than float32.
    """
    if params.device == "cuda" or params.precision == "bfloat16":
        return "bfloat16"
    capabilities = torch.cpu.get_capabilities()
    able = any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if params.precision == "auto" and able else "float32"


def processes_here() -> int:
    """Return how many processes of this training share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def by_first_process(fabric: Fabric, make: Callable[[], T]) -> T:
    """Return what the first process makes; the others wait for it and receive a copy."""
    return cast("T", fabric.broadcast(make() if fabric.is_global_zero else None))


def part(numbers: range, fabric: Fabric) -> range:
    """Return this process's contiguous part of a batch."""
    size = len(numbers) // fabric.world_size
    return numbers[fabric.global_rank * size : (fabric.global_rank + 1) * size]


class _Pooled(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs.

    PyTorch's own function of this kind, in ``torch.distributed.nn``, is deprecated.
    """

    @staticmethod
    def forward(_context: Any, sums: Tensor) -> Tensor:
        pooled = sums.clone()
        distributed.all_reduce(pooled)
        return pooled

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        pooled = gradients[0].clone()
        distributed.all_reduce(pooled)
        return pooled


def pool_sums(sums: Tensor) -> Tensor:
    """Sum a tensor over all processes; gradients pass."""
    return cast("Tensor", _Pooled.apply(sums))  # type: ignore[no-untyped-call]  # PyTorch has no types here


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batches of all processes; PyTorch's own needs CUDA."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.BatchNorm2d gives it
        """Normalise ``(N, C, H, W)`` by the statistics of every process's part."""
        if not self.training:
            return super().forward(input)
        exact = input.float()  # under autocast a convolution answers in bfloat16
        count = input.numel() // input.shape[1] * distributed.get_world_size()
        mean = pool_sums(exact.sum((0, 2, 3))) / count
        centred = exact - mean[:, None, None]
        # Of the distances, not of the squares: those would cancel where the mean is large.
        variance = pool_sums(centred.square().sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach(), count)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        normalized = centred * scale[:, None, None] + self.bias[:, None, None]
        return normalized.to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics, the variance without bias, as PyTorch does."""
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def share_batch_norm(network: nn.Module) -> None:
    """Make every batch norm of a network one over all processes, in place."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm


def sum_over(values: Tensor, fabric: Fabric) -> Tensor:
    """Sum a tensor of counts over all processes, without gradients."""
    if fabric.world_size == 1:
        return values
    return cast("Tensor", fabric.all_reduce(values, reduce_op="sum"))

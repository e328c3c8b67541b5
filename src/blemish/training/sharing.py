"""Processes that train together, through Lightning Fabric.

Started plainly there is one process and no process group. Started by ``torchrun`` each process
takes its part of every batch; batch norm and loss are computed over the whole batch, so that the
number of processes changes a loss by rounding only.
"""

import os
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

from blemish.config.learning import Learning
from blemish.errors import ParamsError


def open_fabric(params: Learning, block: str) -> Fabric:
    """Join the processes that ``torchrun`` started, or stay alone.

    Args:
        params: Device, precision and batch.
        block: Name of the block of ``params.yaml`` that they stand in, for messages.

    Raises:
        ParamsError: The device is ``cuda`` and there is none, or the batch cannot be divided among
            the processes.
    """
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
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator=params.device,
        devices=local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if _rounds(params) else "32-true",
    )
    fabric.launch()
    return fabric


def _rounds(params: Learning) -> bool:
    """Tell whether to compute in bfloat16: always on CUDA, by the processor where left open.

    Without instructions for it a processor emulates bfloat16, many times slower than float32.
    """
    if params.device == "cuda" or params.precision == "bfloat16":
        return True
    capabilities = torch.cpu.get_capabilities()
    able = any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))
    return params.precision == "auto" and able


def part(numbers: range, fabric: Fabric) -> range:
    """Return this process's contiguous part of a batch."""
    size = len(numbers) // fabric.world_size
    return numbers[fabric.global_rank * size : (fabric.global_rank + 1) * size]


class _Pooled(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

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
        channels = input.shape[1]
        own = torch.cat([input.sum((0, 2, 3)), (input * input).sum((0, 2, 3))])
        count = input.numel() // channels * distributed.get_world_size()
        pooled = pool_sums(own) / count
        mean, square = pooled[:channels], pooled[channels:]
        variance = square - mean * mean
        self._remember(mean.detach(), variance.detach(), count)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        shift = self.bias - mean * scale
        normalized: Tensor = input * scale[:, None, None] + shift[:, None, None]
        return normalized

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

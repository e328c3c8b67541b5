"""What processes that train together share, seen in a group of one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny_training import tiny_params
from torch import distributed, nn

from blemish.training.sharing import open_fabric, share_batch_norm
from blemish.training.trainer import set_up_torch


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """Join a process group without another process."""
    store = f"file://{tmp_path / 'store'}"
    distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("offset", [0.0, 200.0])
def test_shared_batch_norm_is_that_of_pytorch(dtype: torch.dtype, offset: float) -> None:
    """Answer, gradient and running statistics agree, of bfloat16 and of a large mean too."""
    torch.manual_seed(0)
    images = (torch.randn(4, 3, 16, 16) + offset).to(dtype)
    answers = []
    for shared in (False, True):
        network = nn.Sequential(nn.BatchNorm2d(3))
        if shared:
            share_batch_norm(network)
        given = images.clone().requires_grad_()
        answer = network(given)
        assert answer.dtype == dtype
        (answer.float() ** 3).sum().backward()
        norm = network[0]
        answers.append((answer, given.grad, norm.weight.grad, norm.running_mean, norm.running_var))
    tolerance = {} if dtype == torch.float32 and not offset else {"rtol": 0.02, "atol": 0.02}
    for ours, theirs in zip(answers[1], answers[0], strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)


@pytest.mark.parametrize(("threads", "processes", "own"), [(2, 1, 2), (4, 2, 2), (2, 4, 1)])
def test_processes_of_a_machine_share_its_threads(
    threads: int, processes: int, own: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``threads`` is that of all of them: more than there are cores would wait for each other."""
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    before = torch.get_num_threads()
    set_up_torch(tiny_params(threads=threads))
    assert torch.get_num_threads() == own
    torch.set_num_threads(before)


@pytest.mark.parametrize("own", [None, ":16:8"])
def test_deterministic_products_on_cuda_get_their_workspace(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cuBLAS reads the variable when it is loaded; a person's own value stays."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", own or "")
    if own is None:
        monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Exception, match="no CUDA device"):
        open_fabric(tiny_params(device="cuda"), "train")
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == (own or ":4096:8")

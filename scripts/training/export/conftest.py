"""Makes one small pipeline of each kind once, and silences the libraries."""

import pytest
import torch
from diffusers import DiffusionPipeline

import small_pipeline

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sd1() -> DiffusionPipeline:
    return small_pipeline.build("sd1")


@pytest.fixture(scope="session")
def pixart() -> DiffusionPipeline:
    return small_pipeline.build("pixart")

"""Tests that the committed goldens are diffusers' own, and that the committed graphs lead to them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import denoising_run
import small_pipeline
from clip_vocabulary import CORPUS, learn_merges
from denoising_run import run_loop, run_pipeline
from fixture_comparison import differences, distance
from generation_case import Case, Cutoff, EosSwap
from golden_cases import SWAP_PROMPT
from golden_file import read_arrays
from onnx_agreement import relative_error
from pipeline_graphs import graphs_of
from regenerate import FIXTURES
from sampler_choice import SAMPLERS
from small_pipeline import FAMILIES
from text_encoding import Text, encode
from variant import VARIANTS

BYTES_MAX = 20 * 2**20


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("family", ["sd1", "pixart"])
def test_the_loop_does_what_the_pipeline_does(family, sampler, request):
    pipeline = request.getfixturevalue(family)
    case = Case("", sampler, negative_prompt="blurry", width=64, height=32, guidance_scale=4.5)
    ours, theirs = run_loop(pipeline, case), run_pipeline(pipeline, case)
    assert np.array_equal(ours.noise, theirs.noise)
    assert distance(theirs.latents, ours.latents) < 5e-6
    assert np.abs(ours.image.astype(int) - theirs.image).max() <= 1


def test_a_cutoff_after_the_last_step_changes_nothing_and_one_before_the_first_is_the_tail(sd1):
    case = Case("", "ddim", num_inference_steps=4)
    whole = run_loop(sd1, case).latents
    assert np.array_equal(run_loop(sd1, replace(case, cutoff=Cutoff(4, "null"))).latents, whole)
    alone = run_loop(sd1, replace(case, cutoff=Cutoff(0, "cond"))).latents
    assert np.array_equal(run_loop(sd1, replace(case, guidance_scale=1)).latents, alone)
    empty = run_loop(sd1, replace(case, prompt="", guidance_scale=1)).latents
    text_free = replace(case, negative_prompt="blurry", cutoff=Cutoff(0, "null"))
    assert np.array_equal(run_loop(sd1, text_free).latents, empty)


def test_two_evaluations_belong_to_a_step_where_the_sampler_has_them(sd1):
    for sampler, steps in (("heun", [0, 0, 1, 1, 2]), ("pndm", [0, 0, 1, 2]), ("euler", [0, 1, 2])):
        scheduler = SAMPLERS[sampler].make(sd1.scheduler.config)
        scheduler.set_timesteps(3)
        assert denoising_run.steps_of_evaluations(scheduler, 3) == steps


def test_ends_are_swapped_one_by_one_and_the_last_is_repeated():
    end = 9
    a = Text(torch.tensor([[8, 1, 9, 0, 0]]), torch.ones(1, 5), torch.arange(5.0).reshape(1, 5, 1))
    b = Text(torch.tensor([[8, 1, 2, 9, 0]]), torch.ones(1, 5), 10 + torch.arange(5.0).reshape(1, 5, 1))
    assert a.swap_ends(b, end).states.flatten().tolist() == [0, 1, 13, 14, 14]
    assert b.swap_ends(a, end).states.flatten().tolist() == [10, 11, 12, 2, 3]


def test_the_swap_acts_in_its_window_only(sd1):
    case = Case("", "ddim", num_inference_steps=6)
    plain = run_loop(sd1, case).latents
    swapped = run_loop(sd1, replace(case, eos_swap=EosSwap(SWAP_PROMPT, 2, 4))).latents
    assert np.array_equal(plain[:2], swapped[:2]) and distance(plain[2], swapped[2]) > 1e-4


def test_a_text_counts_in_what_is_recorded():
    for family in FAMILIES:
        folder = FIXTURES / family
        arrays = read_arrays(folder)
        names = [case["name"] for case in json.loads((folder / "goldens.json").read_text())["cases"]]
        final = {name: arrays[f"/cases/{i}/latents"][-1] for i, name in enumerate(names)}
        assert distance(final["ddim"], final["unguided"]) > 0.1
        assert distance(final["cutoff_2_null"], final["cutoff_2_cond"]) > 0.003
        assert distance(final["ddim"], final["pndm"]) > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_committed_graphs_are_the_pipelines(family):
    for graph in graphs_of(small_pipeline.build(family)).values():
        for rows in (1, 3):
            assert relative_error(graph, FIXTURES / family / "package", rows) < 2e-5, graph.path


@pytest.mark.parametrize("family", FAMILIES)
def test_committed_graphs_lead_to_the_goldens(family, monkeypatch):
    folder = FIXTURES / family
    index, arrays = json.loads((folder / "goldens.json").read_text()), read_arrays(folder)
    pipeline = small_pipeline.build(family)
    name = "unet" if family.startswith("sd") else "transformer"
    denoiser = session(folder / "package" / name / "model.onnx")
    names = [i.name for i in denoiser.get_inputs()]

    def predict(pipeline, x, t, text):
        height, width = (8.0 * side for side in x.shape[2:])
        feeds = {"sample": x.numpy(), "hidden_states": x.numpy(), "timestep": t.float().reshape(1).numpy(),
                 "encoder_hidden_states": text.states.numpy(), "encoder_attention_mask": text.mask.numpy(),
                 "resolution": np.array([[height, width]], np.float32),
                 "aspect_ratio": np.array([[height / width]], np.float32)}
        return torch.from_numpy(denoiser.run(None, {n: feeds[n] for n in names})[0])[:, :4]

    monkeypatch.setattr(denoising_run, "_predict", predict)
    for number, case in enumerate(index["cases"]):
        if case["name"] not in (*SAMPLERS, "wide"):
            continue
        asked = Case(case["name"], case["sampler"], seed=case["seed"], width=case["width"],
                     height=case["height"], guidance_scale=case["guidance_scale"])
        trace = run_loop(pipeline, asked)
        assert distance(arrays[f"/cases/{number}/latents"], trace.latents) < 1e-4, case["name"]
        image = np.asarray(Image.open(folder / case["image"])).astype(int)
        assert np.abs(image - trace.image).max() <= 2


@pytest.mark.parametrize("family", FAMILIES)
def test_committed_texts_are_what_the_package_gives(family):
    folder = FIXTURES / family
    index, arrays = json.loads((folder / "goldens.json").read_text()), read_arrays(folder)
    encoder = session(folder / "package/text_encoder/model.onnx")
    names = [i.name for i in encoder.get_inputs()]
    for number, text in enumerate(index["texts"]):
        feeds = {"input_ids": np.array([text["ids"]]), "attention_mask": np.array([text["mask"]])}
        states = encoder.run(["last_hidden_state"], {n: feeds[n] for n in names})[0][0]
        assert distance(arrays[f"/texts/{number}/states"], states) < 1e-5


def test_variants_are_what_they_are_called():
    root = FIXTURES / "sd1/variants"

    def inputs(variant: str, graph: str) -> dict:
        return {i.name: (i.type, len(i.shape)) for i in session(root / variant / graph / "model.onnx").get_inputs()}

    def outputs(path: Path) -> list[str]:
        return [o.name for o in session(path).get_outputs()]

    assert inputs("int32_ids", "text_encoder")["input_ids"] == ("tensor(int32)", 2)
    assert inputs("scalar_timestep", "unet")["timestep"] == ("tensor(int64)", 0)
    assert inputs("whole_timesteps", "unet")["timestep"] == ("tensor(int64)", 1)
    assert inputs("half", "unet")["sample"] == ("tensor(float16)", 4)
    assert inputs("external_data", "unet")["timestep"] == ("tensor(float)", 1)
    assert (root / "external_data/unet/model.onnx_data").stat().st_size > 100_000
    assert outputs(root / "no_pooler_output/text_encoder/model.onnx") == ["last_hidden_state"]
    hidden = outputs(FIXTURES / "sd2_base/variants/hidden_states/text_encoder/model.onnx")
    assert hidden[2:] == ["hidden_states.0", "hidden_states.1", "hidden_states.2"]


def test_fractions_of_a_timestep_count(sd1, monkeypatch):
    """An int64 input costs accuracy; if it did not, its variant would test nothing."""
    case = Case("", "euler")
    want, predict = run_loop(sd1, case).latents[-1], denoising_run._predict
    monkeypatch.setattr(denoising_run, "_predict",
                        lambda pipeline, x, t, text: predict(pipeline, x, t.floor(), text))
    assert 1e-3 < distance(want, run_loop(sd1, case).latents[-1]) < 1e-2


def test_the_set_is_small_and_has_nothing_of_an_interrupted_run():
    files = [path for path in FIXTURES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= BYTES_MAX
    assert not list(FIXTURES.glob("*.draft"))
    for family in FAMILIES:
        made = {variant.name for variant in VARIANTS[family]}
        assert {path.name for path in (FIXTURES / family / "variants").glob("*")} == made


def test_a_change_is_seen(tmp_path):
    committed = FIXTURES / "sd2_v"
    made = tmp_path / "made"
    shutil.copytree(committed, made)
    assert differences(committed, made) == []
    values = np.fromfile(made / "goldens.f32", "<f4")
    values[-50:] *= 1.001
    values.tofile(made / "goldens.f32")
    index = json.loads((made / "goldens.json").read_text())
    index["cases"][0]["seed"] = 8
    (made / "goldens.json").write_text(json.dumps(index))
    (made / "images/ddim.png").unlink()
    found = " ".join(differences(committed, made))
    assert "relative L2" in found and "seed is 8" in found and "not made any more" in found


def test_merges_are_learnt_by_count():
    assert learn_merges("aab aab ab", 2) == [("a", "b</w>"), ("a", "ab</w>")]
    assert len(learn_merges(CORPUS, 160)) == 160


def test_pixart_lowers_the_case(pixart):
    assert torch.equal(encode(pixart, " A Bird ").ids, encode(pixart, "a bird").ids)

"""Tests the two commands that users run: a checkpoint's export, and the packages in full size."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import export_checkpoint
import full_size
import full_size_pipeline
import onnx_graph
from fixture_comparison import differences, distance
from original_checkpoint import write_original
from package_folder import drafting
from pipeline_graphs import graphs_of
from regenerate import FIXTURES
from small_pipeline import pixart as new_pixart
from text_encoding import encode


@pytest.fixture(scope="module")
def saved(sd1, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "sd1"
    sd1.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(saved):
    out = saved.with_name("package")
    assert export_checkpoint.main([str(saved), str(out), "--dtype", "fp32", "--external-data"]) == 0
    return out


def test_a_saved_pipeline_becomes_the_package_of_the_fixtures(saved, exported, sd1):
    committed = FIXTURES / "sd1/package"
    assert {p.name for p in exported.iterdir()} == {p.name for p in committed.iterdir()}
    assert (exported / "unet/model.onnx_data").exists()
    for name in ("tokenizer/tokenizer.json", "unet/config.json", "vae_decoder/config.json"):
        ours, theirs = (json.loads((root / name).read_text()) for root in (exported, committed))
        assert ours == theirs
    text = encode(sd1, "a blue bird")
    session = onnxruntime.InferenceSession(exported / "text_encoder/model.onnx")
    states = session.run(["last_hidden_state"], {"input_ids": text.ids.numpy()})[0]
    assert distance(text.states.numpy(), states) < 1e-5


def test_a_package_does_not_tell_where_its_checkpoint_lay(saved, exported):
    for file in exported.rglob("*.json"):
        text = file.read_text()
        assert str(saved.parent) not in text and "local" not in text, file


def test_a_single_file_becomes_the_package_of_its_folder(saved, exported, sd1, tmp_path):
    single, out = tmp_path / "model.safetensors", tmp_path / "package"
    write_original(sd1, single)
    flags = ["--config", str(saved), "--dtype", "fp32", "--external-data", "--no-verify"]
    assert export_checkpoint.main([str(single), str(out), *flags]) == 0
    assert differences(exported, out) == []
    for file in exported.rglob("*.json"):
        assert file.read_bytes() == (out / file.relative_to(exported)).read_bytes(), file


def test_a_single_file_may_be_read_in_half_precision(saved, sd1, tmp_path):
    single = tmp_path / "model.safetensors"
    write_original(sd1, single)
    pipeline = export_checkpoint.load(single, saved, torch.float16)
    for part in ("unet", "vae", "text_encoder"):
        read, made = (getattr(p, part).state_dict() for p in (pipeline, sd1))
        assert list(read) == list(made)
        for name, value in read.items():
            assert value.dtype == torch.float16 and torch.equal(value, made[name].half()), name


@pytest.mark.parametrize("flags, timestep", [([], "tensor(float)"), (["--timestep", "int64"], "tensor(int64)")])
def test_half_precision_is_the_default_and_the_timestep_a_choice(flags, timestep, pixart, tmp_path):
    pixart.save_pretrained(tmp_path / "checkpoint")
    out = tmp_path / "package"
    assert export_checkpoint.main([str(tmp_path / "checkpoint"), str(out), *flags]) == 0
    session = onnxruntime.InferenceSession(out / "transformer/model.onnx")
    types = {i.name: i.type for i in session.get_inputs()}
    assert types["hidden_states"] == "tensor(float16)" and types["timestep"] == timestep
    assert (out / "tokenizer/tokenizer.json").exists()


def test_a_folder_appears_whole_and_in_place_of_nothing(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ZeroDivisionError), drafting(out) as draft:
        draft.mkdir()
        1 / 0
    assert not out.exists() and draft.exists()
    for content in ("first", "second"):
        with drafting(out, replace=content == "second") as draft:
            draft.mkdir()
            (draft / content).touch()
    assert [path.name for path in out.iterdir()] == ["second"]
    with pytest.raises(OSError), drafting(out) as draft:
        draft.mkdir()
    assert [path.name for path in out.iterdir()] == ["second"]


@pytest.mark.parametrize("index, sentence", [
    ({"_class_name": "FluxPipeline"}, "must name StableDiffusionPipeline or PixArtAlphaPipeline, given Flux"),
    ({}, "does not name a pipeline class"),
    (None, "is missing"),
])
def test_what_is_no_known_pipeline_is_refused(index, sentence, tmp_path, capsys):
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    if index is not None:
        (checkpoint / "model_index.json").write_text(json.dumps(index))
    assert export_checkpoint.main([str(checkpoint), str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_broken_and_missing_checkpoints_are_refused(saved, tmp_path, capsys):
    single = tmp_path / "model.safetensors"
    single.write_bytes(b"\0" * 64)
    out = str(tmp_path / "out")
    assert export_checkpoint.main([str(single), out]) == 1
    assert export_checkpoint.main([str(single), out, "--config", str(saved)]) == 1
    assert export_checkpoint.main([str(tmp_path / "nowhere"), out]) == 1
    assert export_checkpoint.main([str(saved), str(tmp_path)]) == 1
    assert export_checkpoint.main([str(saved), str(single)]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 5
    for line, part in zip(said, ("--config", "cannot be read as", "does not exist", "is not empty", "is a file")):
        assert part in line


def test_weights_leave_a_file_that_would_be_too_large(sd1, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_graph, "INLINE_BYTES_MAX", 1000)
    graphs_of(sd1)["text_encoder"].write(tmp_path)
    assert (tmp_path / "text_encoder/model.onnx_data").stat().st_size > 60_000


def test_a_full_size_package_is_reserved_and_drawn_while_written(tmp_path, monkeypatch):
    monkeypatch.setattr(full_size_pipeline, "FILLED_BYTES_MAX", 4096)
    monkeypatch.setattr("random_weights.FILLED_BYTES_MAX", 4096)
    monkeypatch.setitem(full_size_pipeline.FAMILIES, "small", new_pixart)
    written = full_size.write("small", tmp_path / "package", torch.float16)
    graph = tmp_path / "package/transformer/model.onnx"
    assert graph.with_suffix(".onnx_data").stat().st_size == written["transformer"] > 10_000
    for tensor in onnx.load(graph).graph.initializer:
        assert np.isfinite(onnx.numpy_helper.to_array(tensor)).all(), tensor.name
    feeds = {"hidden_states": np.ones((2, 4, 8, 6), np.float16), "timestep": np.array([7, 999], np.float32),
             "encoder_hidden_states": np.ones((2, 30, 16), np.float16),
             "encoder_attention_mask": np.ones((2, 30), np.int64)}
    output = onnxruntime.InferenceSession(graph).run(None, feeds)[0]
    assert np.isfinite(output).all() and 0.01 < output.std() < 100


def test_published_sizes_have_the_published_number_of_weights():
    """Papers state billions: 0.86 in both U-Nets, 0.6 in PixArt's transformer, 4.76 in T5 XXL's encoder."""
    def count(module):
        return sum(p.numel() for p in module.parameters()) / 1e9

    sd15, sd21 = (full_size_pipeline.reserve(full_size_pipeline.FAMILIES[name], torch.float16)
                  for name in ("sd15", "sd21"))
    assert count(sd15.unet) == pytest.approx(0.8595, abs=1e-4)
    assert count(sd15.text_encoder) == pytest.approx(0.1231, abs=1e-4)
    assert count(sd21.unet) == pytest.approx(0.8659, abs=1e-4)
    assert count(sd21.text_encoder) == pytest.approx(0.3404, abs=1e-4)
    pixart = full_size_pipeline.reserve(full_size_pipeline.FAMILIES["pixart_1024"], torch.float16)
    assert count(pixart.transformer) == pytest.approx(0.61, abs=5e-3)
    assert count(pixart.text_encoder) == pytest.approx(4.762, abs=5e-3)
    short = full_size_pipeline.reserve(full_size_pipeline.FAMILIES["pixart_512_short_text"], torch.float16)
    assert count(short.transformer) == pytest.approx(0.61, abs=5e-3)
    assert count(short.text_encoder) == pytest.approx((4.762 - 0.132) / 3 + 0.132, abs=5e-3)

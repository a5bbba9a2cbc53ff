"""Tests all stages end to end on three drawn shapes, and the properties that training relies on."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

import caption
import checkpoint
import colour
import evaluation
import packed_state
import references
import train
from classifier import COLOURS, IGNORED, Classifier, labels_of, read, relation_of
from classifier_stage import load_classifier
from curriculum import NARROW, WIDE, world_at
from noise_schedule import LATENT_GAIN, alphas_cumprod, min_snr_weights, unit_input
from scene import GRID, arrangement_of, withheld_colour
from tokenizer import END_ID, MAX_LENGTH, Tokenizer
from trainer import Plan, Trainer, learning_rate_at
from vae import Autoencoder


def test_articles_follow_sound():
    assert caption.noun_phrase("car", ["orange"]) == "an orange car"
    assert caption.noun_phrase("owl", []) == "an owl"
    assert caption.noun_phrase("unicorn", []) == "a unicorn"
    assert caption.noun_phrase("scissors", ["orange"]) == "orange scissors"
    rng = np.random.default_rng(0)
    texts = [caption.sentence(rng, "a car", "orange") for _ in range(40)]
    assert all("an orange" in text for text in texts)


def test_every_caption_is_in_the_vocabulary(painter):
    words = caption.every_word(painter.nouns, colour.BACKGROUND_NAMES, colour.TEXTURES)
    for index in range(300):
        assert set(painter.draw(WIDE, "train", 3, index).caption.split()) <= set(words)


def test_a_scene_is_a_function_of_its_number(painter):
    first, again = (painter.draw(WIDE, "train", 5, 7) for _ in range(2))
    other = painter.draw(WIDE, "validation", 5, 7)
    assert np.array_equal(first.image, again.image) and first.caption == again.caption
    assert not np.array_equal(first.image, other.image)


def test_withheld_colours_are_never_shown(painter):
    for index in range(400):
        for placed in painter.draw(world_at(10**7), "train", 1, index).objects:
            assert placed.colour != withheld_colour(painter.nouns, placed.noun)
    shown = [painter.draw(NARROW, "train", 1, i).objects[0] for i in range(400)]
    assert any(p.colour == withheld_colour(painter.nouns, p.noun) for p in shown)


def test_relations_in_captions_are_true(painter):
    for index in range(400):
        scene = painter.draw(WIDE, "train", 9, index)
        if len(scene.objects) != 2:
            continue
        first, second = scene.objects
        truth = arrangement_of(first.x - second.x, first.y - second.y)
        for side, words in caption.RELATIONS.items():
            for phrase in words[:2]:
                if f" {phrase} " in scene.caption:
                    assert side == truth, scene.caption


def test_painting_gives_the_named_colour(painter):
    for name, rgb in colour.RGB.items():
        painted = colour.paint(painter._sprites["ball"]["noto"], name)
        ink = painted[painted[..., 3] > 128][:, :3]
        assert np.abs(np.median(ink, 0) - np.array(rgb)).max() <= 2


def test_tokens_match_the_tokenizer_file():
    tokenizer = Tokenizer(["a", "blue", "ball"])
    ids = tokenizer.encode("A blue, unheard ball!")
    assert ids[:6] == [0, 3, 4, 2, 5, END_ID] and len(ids) == MAX_LENGTH
    assert tokenizer.encode("a " * 50)[-1] == END_ID
    assert tokenizer.to_json()["model"]["vocab"]["blue"] == 4


def test_noise_schedule_is_stable_diffusions():
    signal = alphas_cumprod()
    assert signal[0].item() == pytest.approx(1 - 0.00085)
    assert signal[-1].item() == pytest.approx(0.0047, abs=1e-4)
    weights = min_snr_weights()
    assert weights.max() == 1 and weights[0] == pytest.approx(
        5 * 0.00085 / (1 - 0.00085) / LATENT_GAIN**2, rel=1e-3)


def test_the_unit_timestep_has_as_much_noise():
    signal = alphas_cumprod()
    factors, timesteps = unit_input()
    for timestep in (1, 400, 999):
        power, exact = signal[timestep], timesteps[timestep].item()
        variance = LATENT_GAIN**2 * power + 1 - power
        assert factors[timestep].item() == pytest.approx(variance.item() ** -0.5)
        near = np.interp(exact, np.arange(1000), signal.numpy())
        assert near == pytest.approx((LATENT_GAIN**2 * power / variance).item(), rel=1e-3)
    assert timesteps[400] < 400 and (timesteps.diff() >= 0).all()


def test_looks_are_those_that_are_drawn(painter):
    for index in range(30):
        looks = painter.looks(WIDE, "train", 3, index)
        drawn = painter.draw(WIDE, "train", 3, index).objects
        assert looks == [(p.noun, p.colour, p.texture, p.art_set) for p in drawn]


def test_a_sheet_holds_its_tiles_row_by_row(tmp_path):
    tiles = [np.full((8, 8, 3), 10 * number, np.uint8) for number in range(5)]
    references.write_sheet(tiles, 3, tmp_path / "sheet.webp")
    sheet = np.asarray(Image.open(tmp_path / "sheet.webp").convert("RGB"))
    assert sheet.shape == (16, 24, 3)
    assert (sheet[8:, 8:16] == 40).all() and (sheet[8:, 16:] == 255).all() and (sheet[:8, 16:] == 20).all()


def test_packed_moments_keep_small_values():
    generator = np.random.default_rng(0)
    values = 10.0 ** generator.uniform(-11, -5, 1000).astype(np.float32)
    back = packed_state.unpack_positive(packed_state.pack_positive(values), values.size)
    assert np.abs(back / values - 1).max() < 0.04
    signed = generator.normal(size=1000).astype(np.float32)
    back = packed_state.unpack_signed(packed_state.pack_signed(signed), signed.size)
    assert np.abs(back - signed).max() <= np.abs(signed).max() / 127


def _train_line(folder, stop_at: int | None, steps: int = 12) -> np.ndarray:
    plan = Plan(steps=steps, batch=4, learning_rate=1e-2, warmup=2, checkpoint_every=5)
    torch.manual_seed(0)
    trainer = Trainer(torch.nn.Linear(6, 3), plan, folder, torch.device("cpu"))

    def losses_at(step, generator):
        if step + 1 == stop_at:
            trainer._ask_to_stop()
        x = torch.randn(4, 6, generator=generator)
        return {"loss": (trainer.model(x) - x[:, :3]).square().mean()}

    trainer.run(losses_at)
    return np.load(folder / "ema.npy")


def test_a_resumed_run_is_the_same_run(tmp_path):
    whole = _train_line(tmp_path / "whole", None)
    _train_line(tmp_path / "cut", 5)
    assert checkpoint.read_state(tmp_path / "cut")["step"] == 5
    resumed = _train_line(tmp_path / "cut", None)
    assert np.array_equal(whole, resumed)
    assert checkpoint.read_state(tmp_path / "cut")["step"] == 12


def test_another_batch_goes_on_after_the_same_samples(tmp_path):
    _train_line(tmp_path / "line", 7)
    plan = Plan(steps=20, batch=2, learning_rate=1e-2)
    trainer = Trainer(torch.nn.Linear(6, 3), plan, tmp_path / "line", torch.device("cpu"))
    assert trainer.step == 14


def test_the_rate_is_constant_until_the_cooldown():
    plan = Plan(steps=100, batch=4, learning_rate=1.0, warmup=10, cooldown=0.4)
    rates = [learning_rate_at(plan, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and set(rates[10:61]) == {1.0}
    assert rates[80] == pytest.approx(0.51) and rates[100] == pytest.approx(plan.final_share)


def test_a_new_optimiser_warms_up():
    plan = Plan(steps=100, batch=4, learning_rate=1.0, warmup=10, cooldown=0.4)
    rates = [learning_rate_at(plan, step, begun=30) for step in range(30, 45)]
    assert rates[:2] == pytest.approx([0.1, 0.2]) and set(rates[10:]) == {1.0}


def test_a_finished_stage_can_be_trained_further(tmp_path):
    done = _train_line(tmp_path / "line", None)
    further = _train_line(tmp_path / "line", None, steps=20)
    assert checkpoint.read_state(tmp_path / "line")["optimiser_begun"] == 12
    assert checkpoint.read_state(tmp_path / "line")["step"] == 20
    assert not np.array_equal(done, further) and np.abs(further - done).max() < 0.5


def test_a_broken_checkpoint_is_refused(tmp_path):
    _train_line(tmp_path / "line", None)
    with pytest.raises(ValueError, match="must hold"):
        checkpoint.load_ema(tmp_path / "line", Autoencoder())


def test_the_classifier_reads_what_its_labels_say(painter):
    scene = next(s for s in (painter.draw(WIDE, "train", 2, i) for i in range(99)) if len(s.objects) == 2)
    objects, colours = labels_of(scene, painter.nouns)
    logits = torch.full((1, 1 + len(painter.nouns), GRID, GRID), -9.0)
    tints = torch.zeros(1, len(COLOURS), GRID, GRID)
    for y, x in np.ndindex(GRID, GRID):
        logits[0, max(0, objects[y, x]), y, x] = 9
        if colours[y, x] != IGNORED:
            tints[0, colours[y, x], y, x] = 9
    seen = {s.noun: s for s in read(logits, tints, painter.nouns)[0]}
    for placed in scene.objects:
        found = seen[placed.noun]
        assert found.colour == (placed.colour or "natural")
        assert np.hypot(found.x - placed.x, found.y - placed.y) < 12
    first, second = scene.objects
    truth = arrangement_of(first.x - second.x, first.y - second.y)
    assert relation_of(seen[first.noun], seen[second.noun]) == truth


def test_prompts_of_the_evaluation_are_withheld():
    nouns = sorted(json.loads(train.art.OBJECTS_FILE.read_text()))
    prompts = evaluation.load_prompts(pairs=False)
    assert len(nouns) >= 100 and len(prompts) == 200
    for noun, prompt in zip(nouns, prompts):
        assert prompt.objects == [noun] and prompt.colours == [withheld_colour(nouns, noun)]


@pytest.fixture(scope="module")
def trained(data_folder, tmp_path_factory):
    """Run every stage by its own command, a few steps each."""
    root = tmp_path_factory.mktemp("run")
    common = ["--data", str(data_folder), "--checkpoints", str(root / "checkpoints")]
    steps = ["--steps", "3", "--checkpoint-every", "2", "--batch", "4", "--held-out", "100"]
    for stage in ("vae", "text", "classifier"):
        train.main([stage, *common, *steps])
    train.main(["unet", *common, *steps, "--pool-chunks", "1"])
    # skips finished stages, then exports
    train.main(["all", *common, *steps, "--pool-chunks", "1", "--out", str(root / "mini"),
                "--scorers", str(root / "scorers")])
    return root


def test_all_passes_over_finished_stages(trained):
    for stage in train.TRAINED:
        state = checkpoint.read_state(trained / "checkpoints" / stage)
        assert state["step"] == 3 and state["samples"] == 12
    assert not (trained / "checkpoints" / "unet" / "adam_first.npz").exists()


def test_the_package_agrees_with_pytorch(trained, data_folder):
    import export
    from sampler import Pipeline
    pipeline = Pipeline(trained / "checkpoints", torch.device("cpu"))
    classifier, _ = load_classifier(trained / "checkpoints" / "classifier", pipeline.device)
    for folder, parts in (("mini", export.parts_of(pipeline)),
                          ("scorers", export.scorers_of(pipeline, classifier))):
        for part in parts:
            for batch in (1, 2, 5):
                assert part.error(trained / folder, batch) < 1e-4, part.path


def test_the_package_has_the_layout_that_the_service_loads(trained):
    root = trained / "mini"
    session = onnxruntime.InferenceSession(root / "unet" / "model.onnx")
    shapes = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    assert shapes["timestep"] == ("tensor(float)", ["batch"])
    assert shapes["sample"][1][1] == 12 and not isinstance(shapes["sample"][1][2], int)
    feeds = {"sample": np.zeros((3, 12, 8, 10), np.float32), "timestep": np.array([1, 500.5, 999], np.float32),
             "encoder_hidden_states": np.zeros((3, 32, 192), np.float32)}
    assert session.run(["out_sample"], feeds)[0].shape == (3, 12, 8, 10)
    graph = onnx.load(root / "unet" / "model.onnx").graph
    assert sum(node.op_type == "Softmax" for node in graph.node) == 16
    weights = [t for t in graph.initializer if len(t.dims) > 1 and np.prod(t.dims) > 600]
    assert weights and all(t.data_type == onnx.TensorProto.FLOAT16 for t in weights)
    text = onnxruntime.InferenceSession(root / "text_encoder" / "model.onnx")
    assert [o.name for o in text.get_outputs()] == ["last_hidden_state", "pooler_output"]
    decoder = onnxruntime.InferenceSession(root / "vae_decoder" / "model.onnx")
    assert decoder.run(None, {"latent_sample": np.zeros((1, 12, 8, 8), np.float32)})[0].shape == (
        1, 3, 128, 128)
    assert len(json.loads((root / "shapefirst.json").read_text())["latent_rgb"]["matrix"]) == 12


def test_timesteps_between_whole_ones_lie_between_their_neighbours(trained):
    from sampler import Pipeline
    unet = Pipeline(trained / "checkpoints", torch.device("cpu")).unet
    arguments = torch.ones(1, 12, 8, 8), torch.ones(1, 32, 192)
    with torch.no_grad():
        at = {t: unet(arguments[0], torch.tensor([t]), arguments[1]) for t in (0, 500, 501, 999)}
        for whole, expected in at.items():
            assert torch.equal(unet(arguments[0], torch.tensor([float(whole)]), arguments[1]), expected)
        between = unet(arguments[0], torch.tensor([500.5]), arguments[1])
    middle = (at[500] + at[501]) / 2
    assert (between - middle).norm() < 0.1 * (at[501] - at[500]).norm() > 0


def test_pooling_takes_the_first_end(trained):
    session = onnxruntime.InferenceSession(trained / "mini" / "text_encoder" / "model.onnx")
    ids = np.array([[0, 3, 4] + [END_ID] * 29, [0, 3, 4, 3, 5] + [END_ID] * 27])
    states, pooled = session.run(None, {"input_ids": ids})
    assert np.array_equal(pooled, states[[0, 1], [3, 5]])


def test_guidance_outside_its_window_is_the_empty_prompt(trained):
    from sampler import Pipeline
    pipeline = Pipeline(trained / "checkpoints", torch.device("cpu"))
    states, empty = pipeline.encode(["a red ball"]), pipeline.encode([""])
    none = pipeline.denoise(states, [3], steps=4, guided=range(0))
    assert torch.equal(none, pipeline.denoise(empty, [3], steps=4, guided=range(0)))
    assert not torch.equal(none, pipeline.denoise(states, [3], steps=4))


def test_evaluation_counts_from_pictures(painter):
    scenes = [painter.draw(NARROW, "reference", 0, i) for i in range(6)]
    prompts = [evaluation.Prompt(s.caption, [s.objects[0].noun], [s.objects[0].colour]) for s in scenes]
    pixels = torch.zeros(6, 3, 128, 128)
    result = evaluation.judge(pixels, prompts, Classifier(len(painter.nouns)).eval(), painter.nouns)
    assert result["object"]["count"] == 6
    low, high = evaluation.share([True] * 9 + [False])["interval"]
    assert 0.55 < low < 0.62 and 0.97 < high < 1
    same = torch.zeros(4, 3, 8, 8)
    assert evaluation.pixel_variety(same) == 0 and evaluation.pixel_variety(torch.randn(4, 3, 8, 8)) > 1

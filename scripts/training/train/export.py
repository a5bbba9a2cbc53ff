"""Exports to the diffusers ONNX layout, with the scorers beside it, and checks against PyTorch."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

import checkpoint
from classifier import COLOURS
from classifier_stage import load_classifier
from curriculum import NARROW, WIDE
from half_weights import halve_weights
from noise_schedule import BETA_END, BETA_START, TRAIN_TIMESTEPS
from sampler import Pipeline
from scene import IMAGE_SIZE, Painter
from text_encoder import TEXT_WIDTH
from tokenizer import END, END_ID, MAX_LENGTH, START, START_ID, UNKNOWN
from vae import FACTOR, LATENT_CHANNELS
from vae_stage import to_pixels

OPSET = 18


class _Decoder(nn.Module):
    """Decodes normalised latents: their scale is part of the graph, so scaling_factor is 1."""

    def __init__(self, pipeline: Pipeline):
        super().__init__()
        self.decoder, self.scale = pipeline.vae.decoder, pipeline.scale

    def forward(self, latent_sample):
        return self.decoder(self.scale.restore(latent_sample))


class _TextScorer(nn.Module):
    def __init__(self, pipeline: Pipeline):
        super().__init__()
        self.model = pipeline.text

    def forward(self, input_ids):
        return self.model.embed_text(input_ids)


class _ImageScorer(nn.Module):
    def __init__(self, pipeline: Pipeline):
        super().__init__()
        self.model = pipeline.text

    def forward(self, pixels):
        return self.model.embed_image(pixels)


class Part:
    """One ONNX file: its module, inputs and outputs, and which axes may vary."""

    def __init__(self, path: str, module: nn.Module, inputs: dict[str, tuple[torch.Tensor, dict]],
                 outputs: list[str]):
        self.path, self.module, self.inputs, self.outputs = path, module.eval(), inputs, outputs

    def write(self, root: Path) -> None:
        """Export with fp16 weights."""
        target = root / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shapes = {name: {axis: torch.export.Dim(label) if isinstance(label, str) else label
                         for axis, label in axes.items()} for name, (_, axes) in self.inputs.items()}
        torch.onnx.export(
            self.module, tuple(value for value, _ in self.inputs.values()), target,
            input_names=list(self.inputs), output_names=self.outputs, opset_version=OPSET,
            dynamo=True, external_data=False, dynamic_shapes=tuple(shapes.values()), verbose=False)
        halve_weights(target)

    def error(self, root: Path, batch: int) -> float:
        """Return the largest relative L2 distance of an output from PyTorch's, for fresh inputs of this batch."""
        generator = torch.Generator().manual_seed(batch)
        values = {}
        for name, (example, _) in self.inputs.items():
            shape = (batch, *example.shape[1:])
            if example.dtype == torch.int64:
                values[name] = torch.randint(0, int(example.max()) + 1, shape, generator=generator)
            elif name == "timestep":
                values[name] = torch.rand(shape, generator=generator) * (TRAIN_TIMESTEPS - 1)
            else:
                values[name] = torch.randn(shape, generator=generator)
        session = onnxruntime.InferenceSession(root / self.path, providers=["CPUExecutionProvider"])
        got = session.run(self.outputs, {k: v.numpy() for k, v in values.items()})
        with torch.no_grad():
            want = self.module(*values.values())
        want = want if isinstance(want, tuple) else (want,)
        return max(float(np.linalg.norm(g - w.numpy()) / np.linalg.norm(w.numpy()))
                   for g, w in zip(got, want))


def parts_of(pipeline: Pipeline) -> list[Part]:
    """Return the three graphs of the model."""
    ids = pipeline.tokenizer.batch(["a blue bird", "a red car on a white background"])
    latents = torch.randn(2, LATENT_CHANNELS, 8, 8)
    # the U-Net halves its input once, so each side is even
    even = {2: 2 * torch.export.Dim("half_height", max=32), 3: 2 * torch.export.Dim("half_width", max=32)}
    # float: samplers such as Euler ask between whole timesteps
    timestep = torch.tensor([10.0, TRAIN_TIMESTEPS - 1])
    states = torch.randn(2, MAX_LENGTH, TEXT_WIDTH)
    return [
        Part("text_encoder/model.onnx", pipeline.text.text, {"input_ids": (ids, {0: "batch"})},
             ["last_hidden_state", "pooler_output"]),
        Part("unet/model.onnx", pipeline.unet,
             {"sample": (latents, {0: "batch", **even}), "timestep": (timestep, {0: "batch"}),
              "encoder_hidden_states": (states, {0: "batch"})}, ["out_sample"]),
        Part("vae_decoder/model.onnx", _Decoder(pipeline),
             {"latent_sample": (latents, {0: "batch", 2: "height", 3: "width"})}, ["sample"]),
    ]


def scorers_of(pipeline: Pipeline, classifier: nn.Module) -> list[Part]:
    """Return the laboratory's judges, which have their own folder, since the model does not use them."""
    ids = pipeline.tokenizer.batch(["a blue bird", "a red car on a white background"])
    pixels = torch.randn(2, 3, IMAGE_SIZE, IMAGE_SIZE)
    return [
        Part("dual_encoder_text.onnx", _TextScorer(pipeline),
             {"input_ids": (ids, {0: "batch"})}, ["text_embeds"]),
        Part("dual_encoder_image.onnx", _ImageScorer(pipeline),
             {"pixels": (pixels, {0: "batch"})}, ["image_embeds"]),
        Part("classifier.onnx", classifier, {"pixels": (pixels, {0: "batch"})},
             ["object_logits", "colour_logits"]),
    ]


def config_files(pipeline: Pipeline) -> dict[str, dict]:
    """Return everything in the layout except graphs."""
    diffusers, transformers = "diffusers", "transformers"
    return {
        "model_index.json": {
            "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.35.0",
            "text_encoder": [transformers, "CLIPTextModel"],
            "tokenizer": [transformers, "PreTrainedTokenizerFast"],
            "unet": [diffusers, "UNet2DConditionModel"], "vae": [diffusers, "AutoencoderKL"],
            "scheduler": [diffusers, "DDIMScheduler"], "safety_checker": [None, None],
            "feature_extractor": [None, None], "requires_safety_checker": False},
        "scheduler/scheduler_config.json": {
            "_class_name": "DDIMScheduler", "num_train_timesteps": TRAIN_TIMESTEPS,
            "beta_start": BETA_START, "beta_end": BETA_END, "beta_schedule": "scaled_linear",
            "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1,
            "set_alpha_to_one": False, "clip_sample": False},
        "unet/config.json": {
            "_class_name": "UNet2DConditionModel", "sample_size": 8, "in_channels": LATENT_CHANNELS,
            "out_channels": LATENT_CHANNELS, "cross_attention_dim": TEXT_WIDTH},
        "vae_decoder/config.json": {
            "_class_name": "AutoencoderKL", "latent_channels": LATENT_CHANNELS, "scaling_factor": 1.0,
            # diffusers reads the factor off this list: 2 ** (length - 1) = 16
            "block_out_channels": [32, 64, 128, 192, 192]},
        "text_encoder/config.json": {
            "_class_name": "CLIPTextModel", "hidden_size": TEXT_WIDTH,
            "max_position_embeddings": MAX_LENGTH, "vocab_size": len(pipeline.tokenizer.ids),
            "bos_token_id": START_ID, "eos_token_id": END_ID, "pad_token_id": END_ID},
        "tokenizer/tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_LENGTH,
            "bos_token": START, "eos_token": END, "pad_token": END, "unk_token": UNKNOWN,
            "padding": "max_length"},
        "tokenizer/tokenizer.json": pipeline.tokenizer.to_json(),
    }


@torch.no_grad()
def fit_latent_rgb(pipeline: Pipeline, painter: Painter, count: int = 400) -> dict:
    """Fit least squares from a latent to the mean colour of its 16x16 pixels, on held-out scenes."""
    scenes = [painter.draw((NARROW, WIDE)[i % 2], "validation", 1, i) for i in range(count)]
    pixels = to_pixels(np.stack([s.image for s in scenes]))
    latents = torch.cat([pipeline.scale.normalise(pipeline.vae.encoder(p)[0]) for p in pixels.split(50)])
    inputs = latents.permute(0, 2, 3, 1).reshape(-1, LATENT_CHANNELS).numpy()
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1), np.float32)], 1)
    wanted = F.avg_pool2d(pixels, FACTOR).permute(0, 2, 3, 1).reshape(-1, 3).numpy()
    weights = np.linalg.lstsq(inputs, wanted, rcond=None)[0]
    residual = ((inputs @ weights - wanted) ** 2).sum() / ((wanted - wanted.mean(0)) ** 2).sum()
    rows = np.round(weights, 5).tolist()
    return {"matrix": rows[:-1], "bias": rows[-1], "r2": round(float(1 - residual), 4), "range": "[-1,1]"}


def manifest_of(pipeline: Pipeline, painter: Painter) -> dict:
    """Return shapefirst.json without the digest, which `deno task models seal` adds."""
    side = {"width": IMAGE_SIZE, "height": IMAGE_SIZE}
    fitted = fit_latent_rgb(pipeline, painter)
    return {
        "id": "mini", "name": "Mini",
        "description": f"{len(painter.nouns)} objects in ten colours, alone or two together, "
                       f"{IMAGE_SIZE}x{IMAGE_SIZE}. Embedded, trained for this project.",
        "defaults": {**side, "num_inference_steps": 50, "guidance_scale": 5, "sampler": "ddim"},
        "size": {"min": IMAGE_SIZE, "max": IMAGE_SIZE, "multiple_of": IMAGE_SIZE},
        "latent_rgb": {"matrix": fitted["matrix"], "bias": fitted["bias"]},
    }


@torch.no_grad()
def reference_of(pipeline: Pipeline) -> dict:
    """Return what PyTorch computes from fixed inputs, for a test of the service to compare with."""
    prompts = ["a blue bird", "a red car on a white background"]
    ids, timestep = pipeline.tokenizer.batch(prompts), torch.tensor([21, 701])
    shape = (len(prompts), LATENT_CHANNELS, IMAGE_SIZE // FACTOR, IMAGE_SIZE // FACTOR)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    states = pipeline.text.text(ids)[0]
    values = {"noise": noise, "last_hidden_state": states,
              "out_sample": pipeline.unet(noise, timestep, states),
              "decoded": pipeline.vae.decoder(pipeline.scale.restore(noise))}
    return {"prompts": prompts, "input_ids": ids.tolist(), "torch_manual_seed": 0,
            "sample_shape": list(shape), "timestep": timestep.tolist(),
            "first8": {name: value.flatten()[:8].tolist() for name, value in values.items()},
            "norms": {name: value.double().norm().item() for name, value in values.items()}}


def write_parts(parts: list[Part], draft: Path, files: dict[str, dict], batches: tuple) -> dict:
    """Rewrite a folder's graphs and JSON files. Return sizes and errors against PyTorch by part."""
    shutil.rmtree(draft, ignore_errors=True)
    report = {}
    for part in parts:
        part.write(draft)
        errors = {str(batch): part.error(draft, batch) for batch in batches}
        report[part.path] = {"bytes": (draft / part.path).stat().st_size, "relative_error": errors}
    for name, content in files.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        (draft / name).write_text(json.dumps(content, indent=1) + "\n")
    return report


def export_model(checkpoints: Path, sprite_file: Path, target: Path, scorers: Path,
                 batches=(1, 2, 5)) -> dict:
    """Rewrite the package in `target` and the judges in `scorers`. Return sizes and errors by part."""
    pipeline = Pipeline(checkpoints, torch.device("cpu"))
    classifier, nouns = load_classifier(checkpoints / "classifier", pipeline.device)
    files = {**config_files(pipeline), "reference.json": reference_of(pipeline),
             "shapefirst.json": manifest_of(pipeline, Painter(sprite_file))}
    labels = {"labels.json": {"objects": ["background", *nouns], "colours": COLOURS}}
    report: dict = {}
    for parts, folder, texts in ((parts_of(pipeline), target, files),
                                 (scorers_of(pipeline, classifier), scorers, labels)):
        draft = folder.with_name(folder.name + ".draft")
        report |= write_parts(parts, draft, texts, batches)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    return report

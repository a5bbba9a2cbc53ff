"""Draws the same work as `deno task bench peers` with another program, whenever a line comes in.

One run encodes two texts, asks the U-Net with a guided pair in each step, and decodes the image. Guidance and
the sampler's step are a few operations on arrays. Each run answers with its seconds; the end of the input
answers with the peak memory of the process in bytes.
"""

import argparse
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

GUIDANCE = 7.5


class OnnxRuntime:
    """onnxruntime's own Python binding, with the session's defaults."""

    def __init__(self, package: Path, threads: int, bf16: bool):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.sessions = {}
        for part in ("text_encoder", "unet", "vae_decoder"):
            file = package / part / "model.onnx"
            self.sessions[part] = onnxruntime.InferenceSession(
                file, options, providers=["CPUExecutionProvider"])

    def shapes(self, part: str) -> dict:
        return {value.name: value.shape for value in self.sessions[part].get_inputs()}

    def run(self, part: str, feeds: dict) -> np.ndarray:
        return self.sessions[part].run(None, feeds)[0]


class OpenVino:
    """OpenVINO on the same ONNX files; bf16 where the processor has it."""

    def __init__(self, package: Path, threads: int, bf16: bool):
        import openvino

        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.models = {}
        for part in ("text_encoder", "unet", "vae_decoder"):
            model = core.read_model(package / part / "model.onnx")
            self.models[part] = core.compile_model(model, "CPU", settings)

    def shapes(self, part: str) -> dict:
        return {value.any_name: [d.get_length() if d.is_static else None for d in value.partial_shape]
                for value in self.models[part].inputs}

    def run(self, part: str, feeds: dict) -> np.ndarray:
        return self.models[part](feeds)[0]


class Diffusers:
    """diffusers' own modules in PyTorch, with random weights: their values do not change the time."""

    def __init__(self, package: Path, threads: int, bf16: bool):
        import torch
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel

        self.torch = torch
        torch.set_num_threads(threads)
        kind = torch.bfloat16 if bf16 else torch.float32
        config = UNet2DConditionModel.load_config(package / "unet")
        text = CLIPTextConfig.from_json_file(package / "text_encoder" / "config.json")
        vae = AutoencoderKL.load_config(package / "vae_decoder")
        self.parts = {
            "text_encoder": CLIPTextModel(text).to(kind).eval(),
            "unet": UNet2DConditionModel.from_config(config).to(kind).eval(),
            "vae_decoder": AutoencoderKL.from_config(vae).to(kind).eval(),
        }
        self.kind = kind

    def shapes(self, part: str) -> dict:
        return {}

    def run(self, part: str, feeds: dict) -> np.ndarray:
        torch = self.torch
        with torch.inference_mode():
            given = {name: torch.from_numpy(np.asarray(value)) for name, value in feeds.items()}
            given = {name: value.to(self.kind) if value.is_floating_point() else value
                     for name, value in given.items()}
            module = self.parts[part]
            if part == "vae_decoder":
                return module.decode(given["latent_sample"]).sample.float().numpy()
            output = module(**given)
            return (output.sample if part == "unet" else output.last_hidden_state).float().numpy()


PEERS = {
    "onnxruntime": (OnnxRuntime, False),
    "openvino_f32": (OpenVino, False),
    "openvino_bf16": (OpenVino, True),
    "diffusers_f32": (Diffusers, False),
    "diffusers_bf16": (Diffusers, True),
}


def draw(peer, options: argparse.Namespace) -> None:
    ids = np.zeros((1, options.tokens), options.ids)
    texts = [peer.run("text_encoder", {"input_ids": ids}) for _ in range(2)]
    states = np.concatenate(texts).astype(np.float32)
    side = options.size // options.scale
    x = np.random.default_rng(7).standard_normal((1, options.channels, side, side), np.float32)
    for step in range(options.steps):
        timestep = np.full(2, 999.0 * (1 - step / options.steps), np.float32)
        feeds = {"sample": np.concatenate([x, x]), "timestep": timestep,
                 "encoder_hidden_states": states}
        without, with_text = np.split(peer.run("unet", feeds), 2)
        x = x - (without + GUIDANCE * (with_text - without)) / options.steps
        x = np.clip(np.nan_to_num(x), -4, 4).astype(np.float32)
    peer.run("vae_decoder", {"latent_sample": x})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=[*PEERS])
    parser.add_argument("package", type=Path)
    for name in ("size", "steps", "threads", "tokens", "channels", "scale"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--ids", default="int64", choices=["int32", "int64"])
    options = parser.parse_args()
    # Answers go to the first stdout; what libraries print goes elsewhere.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    make, bf16 = PEERS[options.peer]
    peer = make(options.package, options.threads, bf16)
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        draw(peer, options)
        print(time.perf_counter() - start, file=answers, flush=True)
    print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=answers, flush=True)


if __name__ == "__main__":
    main()

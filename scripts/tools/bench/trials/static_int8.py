"""Trial: the denoiser in static int8 (QDQ), calibrated on its own trajectories, against float32.

    python scripts/tools/bench/trials/static_int8.py gpu-function/models/mini

Both draw the same images with DDIM and guidance in every step. The loss is that of the decoded images; the time
is that of a guided pair, in alternation. Needs the Python of scripts/tools/bench/peers/requirements.txt.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from diffusers import DDIMScheduler
from onnxruntime.quantization import (
    CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process
from tokenizers import Tokenizer

GUIDANCE = 7.5
STEPS = 20
PROMPTS = ["a blue bird", "a red cube", "a green circle", "two yellow birds", "a brown chair",
           "a white house", "an orange cat", "a black dog"]


def open_session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


class Model:
    def __init__(self, package: Path, threads: int):
        self.package = package
        self.text = open_session(package / "text_encoder/model.onnx", threads)
        self.vae = open_session(package / "vae_decoder/model.onnx", threads)
        self.tokenizer = Tokenizer.from_file(str(package / "tokenizer/tokenizer.json"))
        self.tokens = self.text.get_inputs()[0].shape[1]
        self.id_type = np.int32 if "int32" in self.text.get_inputs()[0].type else np.int64

    def states(self, prompt: str) -> np.ndarray:
        end = self.tokenizer.token_to_id("<|endoftext|>")
        ids = self.tokenizer.encode(prompt).ids[:self.tokens]
        ids = ids + [end] * (self.tokens - len(ids))
        return self.text.run(None, {"input_ids": np.array([ids], self.id_type)})[0]

    def draw(self, unet, prompt: str, seed: int, watch=lambda feeds: None) -> np.ndarray:
        scheduler = DDIMScheduler.from_pretrained(self.package / "scheduler")
        scheduler.set_timesteps(STEPS)
        states = np.concatenate([self.states(""), self.states(prompt)])
        channels = unet.get_inputs()[0].shape[1]
        import torch
        x = np.random.default_rng(seed).standard_normal((1, channels, 8, 8)).astype(np.float32)
        for timestep in scheduler.timesteps:
            feeds = {"sample": np.concatenate([x, x]), "encoder_hidden_states": states,
                     "timestep": np.full(2, float(timestep), np.float32)}
            watch(feeds)
            without, with_text = np.split(unet.run(None, feeds)[0], 2)
            noise = without + GUIDANCE * (with_text - without)
            x = scheduler.step(torch.from_numpy(noise), timestep, torch.from_numpy(x)).prev_sample.numpy()
        return self.vae.run(None, {"latent_sample": x})[0]


class Trajectories(CalibrationDataReader):
    def __init__(self, feeds: list):
        self.left = iter(feeds)

    def get_next(self):
        return next(self.left, None)


def psnr(image: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((np.clip(image, -1, 1) - np.clip(other, -1, 1)) ** 2) / 4
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=200)
    options = parser.parse_args()
    model = Model(options.package, options.threads)
    file = options.package / "unet/model.onnx"
    plain = open_session(file, options.threads)
    seen = []
    for seed, prompt in enumerate(PROMPTS[:4]):
        model.draw(plain, prompt, 100 + seed, seen.append)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(file, prepared, skip_symbolic_shape=True)
        for name, kinds in {"MatMul and Gemm": ["MatMul", "Gemm"], "Conv": ["Conv"],
                            "all three": ["MatMul", "Gemm", "Conv"]}.items():
            small = Path(folder) / f"{len(rows)}.onnx"
            quantize_static(prepared, small, Trajectories(seen[::4]), quant_format=QuantFormat.QDQ,
                            op_types_to_quantize=kinds, per_channel=True,
                            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                            calibrate_method=CalibrationMethod.MinMax)
            quantized = open_session(small, options.threads)
            losses = [psnr(model.draw(plain, prompt, seed), model.draw(quantized, prompt, seed))
                      for seed, prompt in enumerate(PROMPTS)]
            times = {"plain": [], "quantized": []}
            for pair in range(options.pairs):
                for kind, session in (("plain", plain), ("quantized", quantized))[::1 if pair % 2 else -1]:
                    start = time.perf_counter()
                    session.run(None, seen[pair % len(seen)])
                    times[kind].append(time.perf_counter() - start)
            ratio = statistics.median(q / p for p, q in zip(times["plain"], times["quantized"]))
            rows.append((name, ratio, small.stat().st_size / file.stat().st_size,
                         statistics.median(losses), min(losses)))
    print("| quantised | time of a pair | file | PSNR of images, median | least |\n|---|---|---|---|---|")
    for name, ratio, size, median, least in rows:
        print(f"| {name} | {ratio:.2f} | {size:.2f} | {median:.1f} dB | {least:.1f} dB |")


if __name__ == "__main__":
    main()

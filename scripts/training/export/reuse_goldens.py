"""Records runs that reuse deep features, by a loop of Python around a graph that onnx itself has cut.

The graph is that of the fixture `sd1`; onnx's Extractor cuts it, onnxruntime runs it, diffusers' schedulers take
the steps. Nothing here knows the service's code.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx.utils import Extractor

from sampler_choice import SAMPLERS

FIXTURES = Path(__file__).resolve().parents[3] / "tests/parity/fixtures"
PACKAGE = FIXTURES / "sd1/package"
#: The deeper inputs of the last two skip connections of sd1's U-Net.
CUTS = ["add_75", "conv2d_21"]

BASE = {"prompt": "a photo of a blue bird on a brown chair", "negative_prompt": "", "seed": 7, "width": 48,
        "height": 64, "guidance_scale": 7.5}
CASES = [
    {"name": "ddim", **BASE, "sampler": "ddim", "num_inference_steps": 10, "timestep_spacing": "leading",
     "reuse": {"depth": 1, "from": 3, "every": 3}, "guided": 10, "tail": None},
    {"name": "karras, the prompt alone at the end", **BASE, "sampler": "dpmpp_2m_karras", "num_inference_steps": 12,
     "timestep_spacing": "trailing", "reuse": {"depth": 2, "from": 3, "every": 2}, "guided": 6, "tail": "cond"},
    {"name": "text-free tail after a negative prompt", **BASE, "negative_prompt": "blurry, low quality, watermark",
     "sampler": "ddim", "num_inference_steps": 10, "timestep_spacing": "trailing",
     "reuse": {"depth": 1, "from": 2, "every": 4}, "guided": 5, "tail": "null"},
]


class Denoiser:
    """The whole graph with its deep features as a further output, and the shallow rest of it."""

    def __init__(self, cut: str):
        model = onnx.load(PACKAGE / "unet/model.onnx")
        inputs = [value.name for value in model.graph.input]
        outputs = [value.name for value in model.graph.output]
        types = {value.name for value in model.graph.value_info}
        if cut not in types:
            model.graph.value_info.append(onnx.helper.make_tensor_value_info(cut, onnx.TensorProto.FLOAT, None))
        self.shallow = _session(Extractor(model).extract_model([*inputs, cut], outputs))
        model.graph.output.append(onnx.helper.make_tensor_value_info(cut, onnx.TensorProto.FLOAT, None))
        self.whole, self.cut = _session(model), cut

    def run(self, feeds: dict, features: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        if features is None:
            return tuple(self.whole.run(["out_sample", self.cut], feeds))
        known = {value.name for value in self.shallow.get_inputs()}
        given = {name: value for name, value in {**feeds, self.cut: features}.items() if name in known}
        return self.shallow.run(["out_sample"], given)[0], features


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _states(text: str) -> np.ndarray:
    recorded = json.loads((FIXTURES / "sd1/goldens.json").read_text())["texts"]
    [ids] = [entry["ids"] for entry in recorded if entry["text"] == text]
    encoder = _session(onnx.load(PACKAGE / "text_encoder/model.onnx"))
    given = encoder.get_inputs()[0]
    dtype = np.int64 if "64" in given.type else np.int32
    return encoder.run(["last_hidden_state"], {given.name: np.array([ids], dtype)})[0]


def _texts_at(case: dict, step: int) -> list[str]:
    if step < case["guided"]:
        return [case["negative_prompt"], case["prompt"]]
    return [case["prompt"] if case["tail"] == "cond" else ""]


def whole_steps(case: dict) -> list[int]:
    """A step is whole before `from`, every so often, and where a text is new."""
    whole, seen = [], set()
    for step in range(case["num_inference_steps"]):
        texts = _texts_at(case, step)
        fresh = step < case["reuse"]["from"] or step - whole[-1] >= case["reuse"]["every"] or set(texts) - seen
        if fresh:
            whole.append(step)
            seen = set(texts)
    return whole


def run(case: dict) -> np.ndarray:
    scheduler = SAMPLERS[case["sampler"]].make(
        {**json.loads((PACKAGE / "scheduler/scheduler_config.json").read_text()),
         "timestep_spacing": case["timestep_spacing"]})
    scheduler.set_timesteps(case["num_inference_steps"])
    denoiser = Denoiser(CUTS[case["reuse"]["depth"] - 1])
    shape = (1, 4, case["height"] // 8, case["width"] // 8)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(case["seed"])) * scheduler.init_noise_sigma
    states = {text: _states(text) for text in {"", case["prompt"], case["negative_prompt"]}}
    whole, features = whole_steps(case), {}
    for step, t in enumerate(scheduler.timesteps):
        sample = scheduler.scale_model_input(x, t).numpy()
        rows, kept = [], {}
        for text in _texts_at(case, step):
            feeds = {"sample": sample, "timestep": np.array([float(t)], np.float32),
                     "encoder_hidden_states": states[text]}
            output, kept[text] = denoiser.run(feeds, None if step in whole else features[text])
            rows.append(torch.from_numpy(output))
        features = kept if step in whole else features
        output = rows[0] if len(rows) == 1 else rows[0] + case["guidance_scale"] * (rows[1] - rows[0])
        x = scheduler.step(output, t, x).prev_sample
    return x.numpy()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FIXTURES / "reuse.json", help="file (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = [{**case, "whole_steps": whole_steps(case), "latents": [float(v) for v in run(case).ravel()]}
             for case in CASES]
    options.out.write_text(json.dumps({"cuts": CUTS, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()

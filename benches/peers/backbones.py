"""Encoders in PyTorch and ONNX Runtime, beside what criterion measured of ours.

Called by backbones.sh with the folder of criterion's results, the name of an encoder and the number of
the turn; BACKEND is the backend of burn that ours ran on, FLOAT its type of floats, BATCH the number of images. Random
weights: speed does not depend on them. Medians of ten runs of a batch of images of 224 pixels, wall time. Peers that are
not installed are left out, and said so; beside a backend for GPUs PyTorch runs on the GPU, and ONNX Runtime not at all.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import torch

BATCH, SIDE, RUNS = int(os.environ.get("BATCH", "8")), 224, 10
THREADS = int(os.environ.get("THREADS", "2"))
BACKEND = os.environ.get("BACKEND", "flex")
FLOAT = os.environ.get("FLOAT", "f32")
ON_GPU = BACKEND in ("cuda", "wgpu")
PLACE = {
    "device": "cuda" if ON_GPU else "cpu",
    "dtype": {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}[FLOAT],
}


def model_of(name):
    import timm
    import torchvision

    match name:
        case "efficientnet_lite0":
            return timm.create_model("tf_efficientnet_lite0", num_classes=0)
        case "resnet18":
            return without_classifier(torchvision.models.resnet18())
        case "resnet50":
            return without_classifier(torchvision.models.resnet50())
        case "vit_small_patch14":
            return timm.create_model("vit_small_patch14_dinov2", num_classes=0, img_size=SIDE)
    sys.exit(f"no such encoder: {name}")


def without_classifier(model):
    model.fc = torch.nn.Identity()
    return model


def median_ms(run):
    def once():
        run()
        if ON_GPU:
            torch.cuda.synchronize()

    once()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        once()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def onnx_session(model, images):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "model.onnx")
        torch.onnx.export(model, (images,), path, dynamo=False)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def line(measure, turn, ours, peer, name):
    print(json.dumps({
        "measure": measure,
        "backend": BACKEND,
        "turn": turn,
        "unit": f"ms a batch of {BATCH}, {FLOAT}" + ("" if ON_GPU else f", {THREADS} threads"),
        "ours": round(ours, 1),
        "peer": round(peer, 1),
        "peer_name": name,
        "ratio": round(ours / peer, 2),
    }), flush=True)


def beside_onnx(name, model, images, compare):
    try:
        session = onnx_session(model, images)
        feed = {session.get_inputs()[0].name: images.numpy()}
        onnx = median_ms(lambda: session.run(None, feed))
        compare(f"forward {name}", "forward", name, onnx, "ONNX Runtime")
    except ImportError as e:
        print(f"left out: ONNX Runtime: {e}", file=sys.stderr)


def main(folder, name, turn):
    def ours(group, name):
        if BACKEND != "flex":
            group = f"{group}, {BACKEND}"
        if FLOAT != "f32":
            group = f"{group}, {FLOAT}"
        if BATCH != 8:
            group = f"{group}, batch {BATCH}"
        path = pathlib.Path(folder) / group / name / "new" / "estimates.json"
        return json.loads(path.read_text())["median"]["point_estimate"] / 1e6

    def compare(measure, group, of, peer, peer_name):
        line(measure, int(turn), ours(group, of), peer, peer_name)

    torch.set_num_threads(THREADS)
    images = torch.randn(BATCH, 3, SIDE, SIDE).to(**PLACE)
    model = model_of(name).to(**PLACE)
    torch_name = f"PyTorch {torch.__version__}"
    model.eval()
    with torch.inference_mode():
        forward = median_ms(lambda: model(images))
    compare(f"forward {name}", "forward", name, forward, torch_name)
    compare(f"forward {name}, not folded", "forward", f"{name}, as trained", forward, torch_name)
    if not ON_GPU and FLOAT == "f32":
        beside_onnx(name, model, images, compare)

    model.train()

    def step():
        model.zero_grad()
        model(images).square().mean().backward()

    compare(f"training step {name}", "training step", name, median_ms(step), torch_name)


main(*sys.argv[1:])

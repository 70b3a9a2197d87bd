"""Writes the golden files of the parity tests: small random networks of torchvision and timm,
their inputs and their outputs.

    python make_golden.py            small networks, next to this file
    python make_golden.py CROPS W    logits of EfficientNet-Lite0 with the weights W on the crops
                                     that the test `efficientnet_lite0_equals_timm_on_photos`
                                     writes when GEOLOC_WRITE_CROPS names a folder

Made with Python 3.11, torch 1.13.0, torchvision 0.14.1, timm 1.0.11.
"""

import functools
import hashlib
import json
import pathlib
import sys

import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.layers import get_act_layer
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

HERE = pathlib.Path(__file__).parent


def randomise(model, seed):
    """Weights of useful size, and running statistics that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in list(model.named_parameters()) + list(model.named_buffers()):
        if "num_batches" in name:
            continue
        draw = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            value = 0.5 + draw.abs()
        elif tensor.dim() > 1:
            value = draw * (2.0 / tensor[0].numel()) ** 0.5
        elif name.endswith("weight"):
            value = 1.0 + 0.1 * draw
        else:
            value = 0.1 * draw
        tensor.data.copy_(value)
    return model.eval()


def write(name, model, shape, features, seed):
    """Weights in one file; images, feature maps and logits in another."""
    randomise(model, seed)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(seed + 1))
    with torch.no_grad():
        fmap, logits = features(model, images), model(images)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, HERE / f"{name}.safetensors")
    save_file(
        {"images": images, "map": fmap.contiguous(), "logits": logits},
        HERE / f"{name}_io.safetensors",
    )
    print(name, tuple(fmap.shape), logits.abs().max().item())


def resnet_map(model, x):
    x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
    return model.layer4(model.layer3(model.layer2(model.layer1(x))))


class SmallResNet(ResNet):
    """A torchvision ResNet of width 4 instead of 64."""

    def __init__(self, block, layers):
        super().__init__(block, layers, num_classes=5)
        self.inplanes = 4
        self.conv1 = torch.nn.Conv2d(3, 4, 7, stride=2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.layer1 = self._make_layer(block, 4, layers[0])
        self.layer2 = self._make_layer(block, 8, layers[1], stride=2)
        self.layer3 = self._make_layer(block, 16, layers[2], stride=2)
        self.layer4 = self._make_layer(block, 32, layers[3], stride=2)
        self.fc = torch.nn.Linear(32 * block.expansion, 5)


def small_networks():
    write("resnet_basic", SmallResNet(BasicBlock, [1, 2, 1, 1]), (2, 3, 40, 33), resnet_map, 1)
    write("resnet_bottleneck", SmallResNet(Bottleneck, [1, 1, 2, 1]), (2, 3, 64, 48), resnet_map, 2)
    arch = [["ds_r1_k3_s1_e1_c8"], ["ir_r2_k5_s2_e4_c16"], ["ir_r1_k3_s2_e6_c24"]]
    lite = EfficientNet(
        block_args=decode_arch_def(arch),
        num_classes=5,
        num_features=40,
        stem_size=8,
        fix_stem=True,
        pad_type="same",
        act_layer=get_act_layer("relu6"),
        norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=1e-3),
    )
    for shape, name in [((2, 3, 31, 24), "efficientnet_lite_odd"), ((2, 3, 32, 32), "efficientnet_lite_even")]:
        write(name, lite, shape, lambda m, x: m.forward_features(x), 3)


def photos(folder, weights):
    model = timm.create_model("tf_efficientnet_lite0")
    model.load_state_dict(load_file(weights))
    model.eval()
    out = []
    for path in sorted(pathlib.Path(folder).glob("*.rgb")):
        raw = path.read_bytes()
        pixels = np.frombuffer(raw, np.uint8).reshape(224, 224, 3).astype(np.float32)
        x = torch.from_numpy((pixels - 127.0) / 128.0).permute(2, 0, 1)[None]
        with torch.no_grad():
            logits = model(x)[0]
        out.append(
            {
                "photo": path.stem,
                "crop_sha256": hashlib.sha256(raw).hexdigest(),
                "top5": logits.topk(5).indices.tolist(),
                "logits": [round(v, 5) for v in logits.tolist()],
            }
        )
        print(path.stem, out[-1]["top5"])
    (HERE / "efficientnet_lite0_photos.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        photos(sys.argv[1], sys.argv[2])
    else:
        torch.manual_seed(0)
        small_networks()

"""Writes the golden files of `tests/golden_transformers.rs`: small random vision transformers and a
ConvNeXt of timm and torchvision, CLIP and DINOv2 of Hugging Face, and GeoCLIP's location encoder with its
published weights.

    python make_golden_transformers.py            small networks, next to this file
    python make_golden_transformers.py GEOCLIP    embeddings with the weights in the folder GEOCLIP

Made with Python 3.11, torch 2.15.0, torchvision 0.29.2, timm 1.0.31, transformers 5.23.0.
"""

import functools
import math
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
GELU = nn.GELU


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


def randomise(model, seed):
    """Weights of useful size; norms and layer scales that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.named_parameters():
        draw = torch.randn(tensor.shape, generator=generator)
        if name.endswith(("gamma", "lambda1", "layer_scale")) or tensor.dim() == 1 and name.endswith("weight"):
            value = 1.0 + 0.3 * draw
        elif tensor.dim() > 1 and "token" not in name and "pos" not in name:
            value = draw * (1.0 / tensor[0].numel()) ** 0.5
        else:
            value = 0.5 * draw
        tensor.data.copy_(value)
    return model.eval()


def images(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def write(name, state, **io):
    state = {k: v.detach().clone().contiguous() for k, v in state.items()}
    save_file(state, HERE / f"{name}.safetensors")
    save_file({k: v.detach().contiguous() for k, v in io.items()}, HERE / f"{name}_io.safetensors")
    print(name, {k: tuple(v.shape) for k, v in io.items()})


def timm_vit(**changes):
    from timm.models.vision_transformer import VisionTransformer

    settings = dict(
        img_size=(8, 8), patch_size=4, embed_dim=12, depth=2, num_heads=3, mlp_ratio=2.0, num_classes=0,
        norm_layer=functools.partial(nn.LayerNorm, eps=1e-6), fc_norm=False,
    )
    return VisionTransformer(**{**settings, **changes})


def dinov2_positions(pos, grid, antialias, offset):
    """Position embeddings [1, n * n, width] on another grid, as DINOv2's authors do it."""
    side = math.isqrt(pos.shape[1])
    square = pos.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if offset:
        how = dict(scale_factor=tuple((g + offset) / side for g in grid))
    else:
        how = dict(size=tuple(grid))
    out = F.interpolate(square, mode="bicubic", antialias=antialias, **how)
    assert out.shape[-2:] == tuple(grid)
    return out.permute(0, 2, 3, 1).reshape(1, grid[0] * grid[1], -1)


def dinov2(name, registers, grid, seed):
    """Names and rules of DINOv2's authors; timm computes, with the positions resized before."""
    antialias, offset = (True, 0.0) if registers else (False, 0.1)
    height, width = 4 * grid[0], 4 * grid[1]
    model = timm_vit(
        img_size=(height, width), init_values=1e-5, reg_tokens=registers, no_embed_class=True,
    )
    randomise(model, seed)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    wide = 0.5 * images((1, 1 + 25, 12), seed + 1)
    state["pos_embed"] = wide
    state["mask_token"] = torch.zeros(1, 12)
    if registers:
        state["register_tokens"] = state.pop("reg_token")
    with torch.no_grad():
        model.pos_embed.copy_(dinov2_positions(wide[:, 1:], grid, antialias, offset))
        model.cls_token.add_(wide[:, :1])
        x = images((2, 3, height, width), seed + 2)
        out = model.forward_features(x)
    write(name, state, images=x, pooled=out[:, 0], tokens=out[:, 1 + registers :])


def timm_registers():
    model = randomise(
        timm_vit(init_values=1e-5, reg_tokens=2, no_embed_class=True, dynamic_img_size=True), 21
    )
    x = images((2, 3, 12, 20), 22)
    with torch.no_grad():
        out = model.forward_features(x)
    write("vit_timm_registers", model.state_dict(), images=x, pooled=out[:, 0], tokens=out[:, 3:])


def hugging_face_dinov2():
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=12, num_hidden_layers=2, num_attention_heads=3, mlp_ratio=2, image_size=20, patch_size=4,
    )
    model = randomise(Dinov2Model(config), 31)
    x = images((2, 3, 8, 12), 32)
    with torch.no_grad():
        out = model(pixel_values=x).last_hidden_state
    # The names of the published files; transformers 5 renames them when it loads them.
    state = {}
    for key, value in model.state_dict().items():
        for new, old in [
            ("attention.q_proj.", "attention.attention.query."),
            ("attention.k_proj.", "attention.attention.key."),
            ("attention.v_proj.", "attention.attention.value."),
            ("attention.o_proj.", "attention.output.dense."),
        ]:
            key = key.replace(new, old)
        state[key] = value
    write("dinov2_hugging_face", state, images=x, pooled=out[:, 0], tokens=out[:, 1:])


def hugging_face_clip():
    """The same weights in the names of Hugging Face and of CLIP's authors."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=12, intermediate_size=24, projection_dim=7, num_hidden_layers=2, num_attention_heads=3,
        image_size=12, patch_size=4,
    )
    model = randomise(CLIPVisionModelWithProjection(config), 41)
    for parameter in model.parameters():
        parameter.copy_(parameter.half().float())
    x = images((2, 3, 12, 12), 42)
    with torch.no_grad():
        out = model(pixel_values=x)
    state = dict(model.state_dict())
    state["text_model.embeddings.token_embedding.weight"] = torch.zeros(3, 4)
    io = dict(images=x, pooled=out.image_embeds, hidden=out.last_hidden_state)
    write("clip_hugging_face", state, **io)
    theirs = {"token_embedding.weight": torch.zeros(3, 4)}
    blocks = {}
    for key, value in model.state_dict().items():
        key = key.removeprefix("vision_model.")
        if key.endswith("position_ids"):
            continue
        for old, new in [
            ("embeddings.class_embedding", "class_embedding"),
            ("embeddings.patch_embedding.", "conv1."),
            ("embeddings.position_embedding.weight", "positional_embedding"),
            ("pre_layrnorm.", "ln_pre."),
            ("post_layernorm.", "ln_post."),
            ("encoder.layers.", "transformer.resblocks."),
            (".layer_norm1.", ".ln_1."),
            (".layer_norm2.", ".ln_2."),
            (".self_attn.out_proj.", ".attn.out_proj."),
            (".mlp.fc1.", ".mlp.c_fc."),
            (".mlp.fc2.", ".mlp.c_proj."),
        ]:
            key = key.replace(old, new)
        if key == "visual_projection.weight":
            theirs["visual.proj"] = value.T
        elif ".self_attn." in key:
            stem, part, kind = key.replace(".self_attn.", ".attn.").rsplit(".", 2)
            blocks.setdefault(f"{stem}.in_proj_{kind}", {})[part] = value
        else:
            theirs[f"visual.{key}"] = value
    for key, parts in blocks.items():
        theirs[f"visual.{key}"] = torch.cat([parts[p] for p in ("q_proj", "k_proj", "v_proj")])
    # In half precision, as CLIP's authors publish it.
    write("clip_openai", {k: v.half() for k, v in theirs.items()}, **io)


def convnext():
    from timm.models.convnext import ConvNeXt

    settings = dict(depths=(1, 1, 2, 1), dims=(4, 6, 8, 10), num_classes=5)
    model = randomise(ConvNeXt(**settings), 51)
    x = images((2, 3, 70, 40), 52)
    with torch.no_grad():
        io = dict(images=x, map=model.forward_features(x), logits=model(x))
    write("convnext_timm", model.state_dict(), **io)

    from torchvision.models.convnext import CNBlockConfig
    from torchvision.models.convnext import ConvNeXt as Torchvision

    dims = [4, 6, 8, 10, None]
    stages = [CNBlockConfig(dims[i], dims[i + 1], n) for i, n in enumerate([1, 1, 2, 1])]
    model = randomise(Torchvision(stages, num_classes=5), 53)
    with torch.no_grad():
        io = dict(images=x, map=model.features(x), logits=model(x))
    write("convnext_torchvision", model.state_dict(), **io)


# GeoCLIP, written from its description (section 3 of the paper and the names in the weights).
def equal_earth(places):
    a = [1.340264, -0.081106, 0.000893, 0.003796]
    lat, lng = torch.deg2rad(places).unbind(1)
    t = torch.asin(math.sqrt(3.0) / 2.0 * torch.sin(lat))
    slope = 9 * a[3] * t**8 + 7 * a[2] * t**6 + 3 * a[1] * t**2 + a[0]
    x = 2 * math.sqrt(3.0) * lng * torch.cos(t) / (3 * slope)
    y = a[3] * t**9 + a[2] * t**7 + a[1] * t**3 + a[0] * t
    return torch.stack([x, y], 1) * 66.50336 / 180


def locations(state, places):
    total = 0
    for i in range(3):
        weights = {k.removeprefix(f"LocEnc{i}."): v for k, v in state.items() if k.startswith(f"LocEnc{i}.")}
        phase = 2 * math.pi * equal_earth(places) @ weights["capsule.0.b"].T
        x = torch.cat([phase.cos(), phase.sin()], 1)
        for layer in (1, 3, 5):
            x = F.relu(F.linear(x, weights[f"capsule.{layer}.weight"], weights[f"capsule.{layer}.bias"]))
        total = total + F.linear(x, weights["head.0.weight"], weights["head.0.bias"])
    return total


def geoclip(folder):
    folder = pathlib.Path(folder)
    load = functools.partial(torch.load, weights_only=True)
    state = load(folder / "location_encoder_weights.pth")
    mlp = load(folder / "image_encoder_mlp_weights.pth")
    scale = load(folder / "logit_scale_weights.pth")
    places = np.loadtxt(folder / "coordinates_100K.csv", delimiter=",", skiprows=1)[::8000]
    rows = torch.from_numpy(places)
    inputs = images((4, 768), 61)
    hidden = F.relu(F.linear(inputs, mlp["0.weight"], mlp["0.bias"]))
    save_file(
        {
            "places": rows.contiguous(),
            "locations": locations(state, rows.float()),
            "locations_f64": locations({k: v.double() for k, v in state.items()}, rows).float(),
            "inputs": inputs,
            "projected": F.linear(hidden, mlp["2.weight"], mlp["2.bias"]),
            "scale": scale.reshape(1),
        },
        HERE / "geoclip_io.safetensors",
    )
    print("geoclip", tuple(rows.shape), scale.item())


def checkpoint():
    """A file of PyTorch itself, as a training script would write it."""
    layer = nn.Linear(3, 2)
    layer.weight.copy_(torch.arange(6.0).reshape(2, 3))
    layer.bias.copy_(torch.tensor([0.5, -0.5]))
    state = nn.ModuleDict({"fc": layer}).state_dict()
    state["turned"] = torch.arange(6.0).reshape(2, 3).T
    state["half"] = nn.Parameter(torch.tensor([0.25]).half())
    state["steps"] = torch.tensor(7)
    torch.save({"state_dict": state, "epoch": 3, "rate": 0.1, "note": "x", "best": None}, HERE / "checkpoint.pth")


if __name__ == "__main__":
    with torch.no_grad():
        if len(sys.argv) == 2:
            geoclip(sys.argv[1])
        else:
            checkpoint()
            dinov2("dinov2", 0, (3, 7), 1)
            dinov2("dinov2_registers", 2, (3, 4), 11)
            timm_registers()
            hugging_face_dinov2()
            hugging_face_clip()
            convnext()

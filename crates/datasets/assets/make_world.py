"""Makes the imagery in `world/` from the public-domain originals named in `world/NOTICE`.

    python3 make_world.py SOURCE_FOLDER VECTOR_FOLDER

SOURCE_FOLDER holds bmng.jpg, earth-blue-marble.jpg, shadedrelief.jpg and
NaturalEarthII_2048x1024.png; VECTOR_FOLDER holds world-atlas' countries-50m.json.
Needs Pillow and numpy; made with Pillow 13.0.0 and numpy 2.4.6 (the versions decide the bytes,
not the places).
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

Image.MAX_IMAGE_PIXELS = None
OUT = Path(__file__).resolve().parent / "world"
# name: (source, width, JPEG quality). Baseline JPEG: it decodes faster than progressive.
VIEWS = {
    "summer.jpg": ("bmng.jpg", 5400, 87),
    "relief.jpg": ("shadedrelief.jpg", 5400, 90),
    "spring.jpg": ("earth-blue-marble.jpg", 4096, 75),
    "natural_earth.jpg": ("NaturalEarthII_2048x1024.png", 2048, 85),
}
MASK_WIDTH = 3600  # 0.1 degree a pixel
WATER, LAND, ICE = 0, 128, 255
# A pixel is permanent ice where its darkest channel exceeds these values in both Blue Marbles and in
# Natural Earth II (which draws glaciers, in pale blue, but no snow).
ICE_LEVELS = {"bmng.jpg": 200, "earth-blue-marble.jpg": 200, "NaturalEarthII_2048x1024.png": 178}



def view(folder, source, width):
    image = Image.open(folder / source).convert("RGB")
    if image.width != width:
        image = image.resize((width, width // 2), Image.Resampling.BOX)
    return image


def rings(topology):
    """The rings of the `land` object, longitudes unwrapped so that no edge jumps by 360 degrees."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(np.array(a, float), axis=0) * (sx, sy) + (tx, ty) for a in topology["arcs"]]
    polygons = []
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons += geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    for polygon in polygons:
        for index, ring in enumerate(polygon):
            parts = [arcs[a] if a >= 0 else arcs[~a][::-1] for a in ring]
            points = np.concatenate([parts[0]] + [p[1:] for p in parts[1:]])
            points[:, 0] = np.degrees(np.unwrap(np.radians(points[:, 0])))
            turn = points[-1, 0] - points[0, 0]
            if abs(turn) > 180.0:  # a ring about the pole (Antarctica): close it along the edge
                edge = -91.0 if points[:, 1].mean() < 0 else 91.0  # past the image
                points = np.vstack([points, [points[-1, 0], edge], [points[0, 0], edge]])
            yield points, index > 0


def mask(folder, vectors):
    width, height = MASK_WIDTH, MASK_WIDTH // 2
    image = Image.new("L", (width, height), WATER)
    draw = ImageDraw.Draw(image)
    for points, hole in rings(json.loads((vectors / "countries-50m.json").read_text())):
        for turn in (-360.0, 0.0, 360.0):
            x = (points[:, 0] + turn + 180.0) / 360.0 * width - 0.5
            y = (90.0 - points[:, 1]) / 180.0 * height - 0.5
            if x.max() < 0 or x.min() > width:
                continue
            draw.polygon(list(zip(x, y)), fill=WATER if hole else LAND)
    out = np.array(image)
    out[0], out[-1] = out[1], out[-2]  # Pillow leaves out the last line of a polygon
    ice = out == LAND
    for source, level in ICE_LEVELS.items():
        pixels = view(folder, source, Image.open(folder / source).width)
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
        ice &= np.array(pixels).min(axis=2) > level
    out[ice] = ICE
    return Image.fromarray(out)


def main():
    folder, vectors = Path(sys.argv[1]), Path(sys.argv[2])
    OUT.mkdir(exist_ok=True)
    for name, (source, width, quality) in VIEWS.items():
        view(folder, source, width).save(
            OUT / name, "JPEG", quality=quality, optimize=True, progressive=False, subsampling=2
        )
    mask(folder, vectors).save(OUT / "surface.png", optimize=True)
    total = 0
    for path in sorted(OUT.iterdir()):
        total += path.stat().st_size
        print(f"{path.stat().st_size:>9,} {path.name}")
    print(f"{total:>9,} bytes in all")


if __name__ == "__main__":
    main()

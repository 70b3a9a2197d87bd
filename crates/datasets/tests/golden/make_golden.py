"""Writes resize.txt and ../fixtures/cmyk.jpg with Pillow: `python3 make_golden.py`."""

from pathlib import Path

import PIL
from PIL import Image

HERE = Path(__file__).resolve().parent
KERNELS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}


def pattern(width, height):
    """The image that the test builds from the same formula.

    Its values leave room for overshoot: what two passes clamp in between depends on their order.
    """
    data = bytes(
        64 + (x * x * 7 + y * 13 + c * 50 + x * y * (c + 1)) % 128
        for y in range(height)
        for x in range(width)
        for c in range(3)
    )
    return Image.frombytes("RGB", (width, height), data)


with open(HERE / "resize.txt", "w") as out:
    out.write(f"# Pillow {PIL.__version__}; kernel, source size, shorter side, crop; then RGB bytes by row\n")
    for name, kernel in KERNELS.items():
        for width, height, short, crop in [(40, 30, 16, 12), (23, 57, 11, 11), (16, 16, 24, 20)]:
            scale = (short, short * height // width) if width <= height else (short * width // height, short)
            image = pattern(width, height).resize(scale, kernel)
            left, top = round((scale[0] - crop) / 2), round((scale[1] - crop) / 2)
            image = image.crop((left, top, left + crop, top + crop))
            out.write(f"{name} {width} {height} {short} {crop}\n{' '.join(map(str, image.tobytes()))}\n")

# Four squares: red, green, blue and white, as inks.
cmyk = Image.new("CMYK", (32, 32))
for (x, y), ink in {
    (0, 0): (0, 255, 255, 0),
    (16, 0): (255, 0, 255, 0),
    (0, 16): (255, 255, 0, 0),
    (16, 16): (0, 0, 0, 0),
}.items():
    cmyk.paste(ink, (x, y, x + 16, y + 16))
(HERE.parent / "fixtures").mkdir(exist_ok=True)
cmyk.save(HERE.parent / "fixtures" / "cmyk.jpg", quality=95)

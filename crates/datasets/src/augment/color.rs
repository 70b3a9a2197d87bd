//! Changes of the colours of a photo.

/// One change, applied in the order of the fields with values clamped after each, as torchvision
/// does (which draws the order, too).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ColorChange {
    /// Factor of all channels.
    pub(super) brightness: f32,
    /// Factor of the distance from the mean gray of the picture.
    pub(super) contrast: f32,
    /// Factor of the distance from the own gray of each pixel.
    pub(super) saturation: f32,
    /// Turn of the hue as a share of a full turn.
    pub(super) hue: f32,
    pub(super) gray: bool,
}

/// Gray of a colour (Rec. 601 luma).
fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

fn clamped(rgb: [f32; 3]) -> [f32; 3] {
    rgb.map(|v| v.clamp(0.0, 255.0))
}

impl ColorChange {
    const NONE: Self = Self {
        brightness: 1.0,
        contrast: 1.0,
        saturation: 1.0,
        hue: 0.0,
        gray: false,
    };

    /// Changes `[height, width, 3]` bytes.
    pub(super) fn apply(&self, pixels: &mut [u8]) {
        if *self == Self::NONE {
            return;
        }
        let (pixels, _) = pixels.as_chunks_mut::<3>();
        let lit = |pixel: [u8; 3]| clamped(pixel.map(|v| f32::from(v) * self.brightness));
        let sum: f64 = pixels.iter().map(|p| f64::from(luma(lit(*p)))).sum();
        let mean = (sum / pixels.len().max(1) as f64) as f32;
        for pixel in pixels {
            let rgb = clamped(lit(*pixel).map(|v| mean + self.contrast * (v - mean)));
            let gray = luma(rgb);
            let rgb = clamped(rgb.map(|v| gray + self.saturation * (v - gray)));
            let rgb = if self.hue == 0.0 {
                rgb
            } else {
                turn_hue(rgb, self.hue)
            };
            let rgb = if self.gray { [luma(rgb); 3] } else { rgb };
            *pixel = rgb.map(|v| v.round() as u8);
        }
    }
}

/// Turns the hue of the hexagonal colour model (Smith 1978), keeping saturation and value.
fn turn_hue(rgb: [f32; 3], turn: f32) -> [f32; 3] {
    let [r, g, b] = rgb;
    let value = r.max(g).max(b);
    let chroma = value - r.min(g).min(b);
    if chroma <= 0.0 {
        return rgb;
    }
    let sector = if r >= g && r >= b {
        (g - b) / chroma
    } else if g >= b {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    let sector = (sector + 6.0 * turn).rem_euclid(6.0);
    // Distance of each primary from its own sector, 0 to 3; a channel falls from 1 to 2.
    [0.0, 2.0, 4.0].map(|own: f32| {
        let distance = (sector - own).abs();
        let distance = distance.min(6.0 - distance);
        value - chroma * (distance - 1.0).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: ColorChange = ColorChange::NONE;

    fn changed(change: ColorChange, pixels: &[[u8; 3]]) -> Vec<[u8; 3]> {
        let mut bytes = pixels.concat();
        change.apply(&mut bytes);
        bytes.chunks(3).map(|p| [p[0], p[1], p[2]]).collect()
    }

    #[test]
    fn each_change_does_what_it_says() {
        let picture = [[200, 100, 50], [10, 20, 30]];
        assert_eq!(changed(NONE, &picture), picture);
        let bright = ColorChange {
            brightness: 1.5,
            ..NONE
        };
        assert_eq!(changed(bright, &picture), [[255, 150, 75], [15, 30, 45]]);
        let flat = ColorChange {
            contrast: 0.0,
            ..NONE
        };
        // Lumas 124.2 and 18.15.
        assert_eq!(changed(flat, &picture), [[71; 3]; 2]);
        let pale = ColorChange {
            saturation: 0.0,
            ..NONE
        };
        let gray = ColorChange { gray: true, ..NONE };
        assert_eq!(changed(pale, &picture), [[124; 3], [18; 3]]);
        assert_eq!(changed(gray, &picture), [[124; 3], [18; 3]]);
    }

    #[test]
    fn hues_turn_about_the_wheel_and_come_back() {
        let third = |hue| ColorChange { hue, ..NONE };
        assert_eq!(changed(third(1.0 / 3.0), &[[255, 0, 0]]), [[0, 255, 0]]);
        assert_eq!(changed(third(-1.0 / 3.0), &[[255, 0, 0]]), [[0, 0, 255]]);
        assert_eq!(changed(third(0.5), &[[200, 120, 40]]), [[40, 120, 200]]);
        assert_eq!(changed(third(0.25), &[[77, 77, 77]]), [[77, 77, 77]]);
        for pixel in [[200, 120, 40], [3, 250, 100], [90, 91, 255]] {
            let there = changed(third(0.2), &[pixel]);
            let back = changed(third(-0.2), &there);
            for (a, b) in back[0].iter().zip(pixel) {
                assert!(a.abs_diff(b) <= 2, "{back:?} {pixel:?}");
            }
        }
    }
}

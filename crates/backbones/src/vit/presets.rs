//! Published vision transformers and their input.

use geoloc_datasets::{Interpolation, Preprocess, Resize};

use super::{PositionResize, VitActivation, VitConfig};

/// Mean of CLIP's training images.
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Deviation of CLIP's training images.
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

impl VitConfig {
    /// ViT-S/16 for 224 x 224 pixels, as timm's `vit_small_patch16_224`: features of width 384.
    #[must_use]
    pub fn small16() -> Self {
        Self::plain(16, 384, 12, 6)
    }

    /// ViT-B/16 for 224 x 224 pixels, as timm's `vit_base_patch16_224`: features of width 768.
    #[must_use]
    pub fn base16() -> Self {
        Self::plain(16, 768, 12, 12)
    }

    /// ViT-L/16 for 224 x 224 pixels, as timm's `vit_large_patch16_224`: features of width 1024.
    #[must_use]
    pub fn large16() -> Self {
        Self::plain(16, 1024, 24, 16)
    }

    /// `DINOv2` ViT-S/14 for 224 x 224 pixels: features of width 384, grid 16 x 16.
    #[must_use]
    pub fn dinov2_small() -> Self {
        Self::dinov2(384, 12, 6)
    }

    /// `DINOv2` ViT-B/14 for 224 x 224 pixels: features of width 768, grid 16 x 16.
    #[must_use]
    pub fn dinov2_base() -> Self {
        Self::dinov2(768, 12, 12)
    }

    /// `DINOv2` ViT-L/14 for 224 x 224 pixels: features of width 1024, grid 16 x 16.
    #[must_use]
    pub fn dinov2_large() -> Self {
        Self::dinov2(1024, 24, 16)
    }

    /// The four registers of the `DINOv2` weights of that kind, whose position embeddings are
    /// resized with an antialiased kernel.
    #[must_use]
    pub fn with_registers(self) -> Self {
        Self {
            registers: 4,
            position_resize: PositionResize::antialiased(),
            ..self
        }
    }

    /// CLIP's ViT-B/32 for 224 x 224 pixels: features of width 512.
    #[must_use]
    pub fn clip_base32() -> Self {
        Self::clip(32, 224, 768, 12, 512)
    }

    /// CLIP's ViT-B/16 for 224 x 224 pixels: features of width 512.
    #[must_use]
    pub fn clip_base16() -> Self {
        Self::clip(16, 224, 768, 12, 512)
    }

    /// CLIP's ViT-L/14 for 224 x 224 pixels, the encoder of `GeoCLIP`: features of width 768.
    #[must_use]
    pub fn clip_large14() -> Self {
        Self::clip(14, 224, 1024, 24, 768)
    }

    /// CLIP's ViT-L/14 for 336 x 336 pixels, the encoder of `StreetCLIP` and PIGEON: features of width
    /// 768.
    #[must_use]
    pub fn clip_large14_336() -> Self {
        Self::clip(14, 336, 1024, 24, 768)
    }

    fn plain(patch: usize, width: usize, depth: usize, heads: usize) -> Self {
        Self {
            input_size: [224, 224],
            patch,
            patch_bias: true,
            width,
            depth,
            heads,
            hidden: 4 * width,
            activation: VitActivation::Gelu,
            epsilon: 1e-6,
            position_grid: [224 / patch, 224 / patch],
            position_resize: PositionResize::antialiased(),
            class_position: true,
            registers: 0,
            layer_scale: false,
            pre_norm: false,
            projection: None,
        }
    }

    fn dinov2(width: usize, depth: usize, heads: usize) -> Self {
        Self {
            // Trained last on images of 518 pixels.
            position_grid: [37, 37],
            position_resize: PositionResize::dinov2(),
            layer_scale: true,
            ..Self::plain(14, width, depth, heads)
        }
    }

    fn clip(patch: usize, side: usize, width: usize, depth: usize, projection: usize) -> Self {
        Self {
            input_size: [side, side],
            patch_bias: false,
            activation: VitActivation::QuickGelu,
            epsilon: 1e-5,
            position_grid: [side / patch, side / patch],
            pre_norm: true,
            projection: Some(projection),
            ..Self::plain(patch, width, depth, width / 64)
        }
    }

    /// The input of timm's plain weights (`augreg`): a crop of nine tenths, bicubic, from -1 to 1.
    #[must_use]
    pub fn augreg_preprocess(&self) -> Preprocess {
        let [rows, columns] = self.input_size.map(|side| side as u32);
        let side = f64::from(rows.max(columns)) / 0.9;
        Preprocess {
            resize: Resize::ShorterSide(side.floor() as u32),
            interpolation: Interpolation::Bicubic,
            ..self.crop(Preprocess::square(rows))
        }
    }

    /// The input of `DINOv2`: shorter side 8/7 of the crop, bicubic, mean and deviation of
    /// `ImageNet`.
    #[must_use]
    pub fn dinov2_preprocess(&self) -> Preprocess {
        let [rows, columns] = self.input_size.map(|side| side as u32);
        Preprocess {
            resize: Resize::ShorterSide(rows.max(columns).saturating_mul(8) / 7),
            interpolation: Interpolation::Bicubic,
            ..self.crop(Preprocess::imagenet())
        }
    }

    /// The input of CLIP: shorter side as long as the crop, bicubic, CLIP's mean and deviation.
    #[must_use]
    pub fn clip_preprocess(&self) -> Preprocess {
        let [rows, columns] = self.input_size.map(|side| side as u32);
        Preprocess {
            resize: Resize::ShorterSide(rows.max(columns)),
            interpolation: Interpolation::Bicubic,
            mean: CLIP_MEAN,
            std: CLIP_STD,
            ..self.crop(Preprocess::square(rows))
        }
    }

    fn crop(&self, preprocess: Preprocess) -> Preprocess {
        let [rows, columns] = self.input_size.map(|side| side as u32);
        Preprocess {
            crop: Some((columns, rows)),
            ..preprocess
        }
    }
}

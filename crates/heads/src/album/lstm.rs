//! A recurrent network over the photos of an album.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, Lstm, LstmConfig};
use burn::tensor::{Device, Tensor};
use geoloc_core::{CellLogits, ConfigError, FeatureSpec, Features, Head, HeadConfig};
use serde::{Deserialize, Serialize};

/// Configuration of an [`AlbumHead`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlbumHeadConfig {
    /// Number of cells: the length of the partition.
    pub cells: usize,
    /// Width of the state.
    pub hidden: usize,
    /// How many further photos the network sees before it answers a photo; 0 is the plain network.
    #[serde(default)]
    pub offset: usize,
    /// Whether the album is read twice and answered at the second reading.
    #[serde(default)]
    pub repeat: bool,
    /// Whether a second network reads the album from its end, and the answer is made from both; not
    /// together with an offset or a repetition, whose purpose it has.
    #[serde(default)]
    pub bidirectional: bool,
}

impl HeadConfig for AlbumHeadConfig {
    type Head = AlbumHead;

    fn init(&self, features: &FeatureSpec, device: &Device) -> Result<AlbumHead, ConfigError> {
        ConfigError::check(self.cells > 0, "cells", self.cells as f64, "at least 1")?;
        ConfigError::check(self.hidden > 0, "hidden", self.hidden as f64, "at least 1")?;
        let alone = !self.bidirectional || (self.offset == 0 && !self.repeat);
        let what = "false with an offset or a repetition";
        ConfigError::check(alone, "bidirectional", 1.0, what)?;
        let lstm = LstmConfig::new(features.width, self.hidden, true);
        let directions = if self.bidirectional { 2 } else { 1 };
        Ok(AlbumHead {
            lstm: lstm.init(device),
            reverse: self.bidirectional.then(|| lstm.init(device)),
            linear: LinearConfig::new(directions * self.hidden, self.cells).init(device),
            offset: self.offset,
            repeat: self.repeat,
        })
    }
}

/// A long short-term memory over the embeddings of the photos of an album in the order of their
/// times, and a linear layer to the cells for each photo (PlaNet, Weyand et al. 2016, section 4),
/// with its three variants that let a photo know of later ones: an offset between photos and labels,
/// reading the album twice, and a second network that reads it backwards.
///
/// # Input
///
/// The tokens are the photos: [`Features::tokens`] `[albums, photos, width]`. Without tokens the
/// batch is one album, `pooled` being `[photos, width]`. All albums of a batch have the same number
/// of photos; the loss is taken over all of them, in the order of the albums.
#[derive(Module, Debug)]
pub struct AlbumHead {
    lstm: Lstm,
    reverse: Option<Lstm>,
    linear: Linear,
    #[module(skip)]
    offset: usize,
    #[module(skip)]
    repeat: bool,
}

impl Head for AlbumHead {
    type Output = CellLogits;

    /// # Shapes
    ///
    /// Features of `albums * photos` photos to logits `[albums * photos, cells]`.
    fn forward(&self, features: Features) -> CellLogits {
        let photos = match features.tokens {
            Some(tokens) => tokens,
            None => features.pooled.unsqueeze_dim::<3>(0),
        };
        let [albums, length, width] = photos.dims();
        let mut parts = vec![photos.clone()];
        if self.repeat {
            parts.push(photos.clone());
        }
        if self.offset > 0 {
            // Zeros stand for the photos after the last one.
            let end = Tensor::<3>::zeros([albums, self.offset, width], &photos.device());
            parts.push(end.cast(photos.dtype()));
        }
        let (mut states, _) = self.lstm.forward(Tensor::cat(parts, 1), None);
        if let Some(reverse) = &self.reverse {
            let (back, _) = reverse.forward(photos.flip([1]), None);
            states = Tensor::cat(vec![states, back.flip([1])], 2);
        }
        let first = self.offset + if self.repeat { length } else { 0 };
        let [_, _, hidden] = states.dims();
        let own = states.narrow(1, first, length);
        CellLogits(self.linear.forward(own.reshape([albums * length, hidden])))
    }
}

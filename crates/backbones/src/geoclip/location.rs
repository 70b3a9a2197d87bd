//! From places to embeddings.

use std::f64::consts::TAU;

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{ConfigError, Encoder, EncoderConfig, FeatureSpec, Features, PlaceEncoder};
use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

use super::equal_earth;
use crate::transformer::linear;
use crate::weights::KeyMap;

/// Configuration of a [`LocationEncoder`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationEncoderConfig {
    /// Deviation of the random frequencies of each capsule, from coarse to fine.
    pub sigmas: Vec<f64>,
    /// Number of frequencies of a capsule.
    pub frequencies: usize,
    /// Width of its hidden layers.
    pub hidden: usize,
    /// Length of the embedding.
    pub width: usize,
}

impl Default for LocationEncoderConfig {
    /// As published: deviations 1, 16 and 256, embeddings of length 512.
    fn default() -> Self {
        Self {
            sigmas: vec![1.0, 16.0, 256.0],
            frequencies: 256,
            hidden: 1024,
            width: 512,
        }
    }
}

impl EncoderConfig for LocationEncoderConfig {
    type Encoder = LocationEncoder;

    fn init(&self, device: &Device) -> Result<LocationEncoder, ConfigError> {
        let within = |field, value: usize, most: usize, expected| {
            ConfigError::check((1..=most).contains(&value), field, value as f64, expected)
        };
        within("sigmas.len()", self.sigmas.len(), 64, "1 to 64 capsules")?;
        for &sigma in &self.sigmas {
            let good = sigma.is_finite() && sigma > 0.0;
            ConfigError::check(good, "sigmas", sigma, "above 0")?;
        }
        within("frequencies", self.frequencies, 65_536, "1 to 65536")?;
        within("hidden", self.hidden, 65_536, "1 to 65536")?;
        within("width", self.width, 65_536, "1 to 65536")?;
        let capsule = |&sigma: &f64| Capsule::new(self, sigma, device);
        Ok(LocationEncoder {
            capsules: self.sigmas.iter().map(capsule).collect(),
            width: self.width,
        })
    }
}

/// The sum of several networks over random Fourier features (Tancik et al. 2020) of the place on the
/// Equal Earth map.
#[derive(Module, Debug)]
pub struct LocationEncoder {
    capsules: Vec<Capsule>,
    #[module(skip)]
    width: usize,
}

#[derive(Module, Debug)]
struct Capsule {
    /// `[frequencies, 2]`, drawn once and not trained.
    frequencies: Param<Tensor<2>>,
    layers: Vec<Linear>,
    head: Linear,
}

impl Capsule {
    fn new(config: &LocationEncoderConfig, sigma: f64, device: &Device) -> Self {
        let draw = Initializer::Normal {
            mean: 0.0,
            std: sigma,
        };
        let hidden = config.hidden;
        let inputs = [2 * config.frequencies, hidden, hidden];
        Self {
            frequencies: draw
                .init([config.frequencies, 2], device)
                .set_require_grad(false),
            layers: inputs
                .map(|input| LinearConfig::new(input, hidden).init(device))
                .into(),
            head: LinearConfig::new(hidden, config.width).init(device),
        }
    }

    fn forward(&self, map: Tensor<2>) -> Tensor<2> {
        let phase = (map * TAU).matmul(self.frequencies.val().transpose());
        let waves = Tensor::cat(vec![phase.clone().cos(), phase.sin()], 1);
        let x = self
            .layers
            .iter()
            .fold(waves, |x, layer| relu(linear(layer, None, x)));
        linear(&self.head, None, x)
    }
}

impl LocationEncoder {
    /// Embeds places, `[places, width]`, not scaled to length 1. The projection is computed in f64.
    #[must_use]
    pub fn embed(&self, places: &[LatLng], device: &Device) -> Tensor<2> {
        self.encode(project(places, device)).pooled
    }
}

/// Places on the map, `[places, 2]`.
pub(super) fn project(places: &[LatLng], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = places
        .iter()
        .flat_map(|&place| equal_earth(place).map(|v| v as f32))
        .collect();
    Tensor::from_data(TensorData::new(values, [places.len(), 2]), device)
}

impl PlaceEncoder for LocationEncoder {
    fn embed_places(&self, places: &[LatLng], device: &Device) -> Tensor<2> {
        self.embed(places, device)
    }
}

impl Encoder for LocationEncoder {
    /// Points on the map as [`equal_earth`] gives them, `[places, 2]`.
    type Input = Tensor<2>;

    /// # Shapes
    ///
    /// `[places, 2]` to pooled features `[places, width]`, without tokens.
    fn encode(&self, map: Tensor<2>) -> Features {
        let sums = self
            .capsules
            .iter()
            .map(|capsule| capsule.forward(map.clone()));
        let [places, _] = map.dims();
        let sum = sums.reduce(|a, b| a + b);
        Features::pooled(sum.unwrap_or_else(|| Tensor::zeros([places, self.width], &map.device())))
    }

    fn spec(&self) -> FeatureSpec {
        FeatureSpec::pooled(self.width)
    }
}

/// Names of the published file.
#[must_use]
pub fn location_keys() -> KeyMap {
    KeyMap::new()
        .replace("LocEnc", "capsules.")
        .replace(".capsule.0.b", ".frequencies")
        .replace(".capsule.1.", ".layers.0.")
        .replace(".capsule.3.", ".layers.1.")
        .replace(".capsule.5.", ".layers.2.")
        .replace(".head.0.", ".head.")
}

//! Configurations.

use burn::tensor::Device;
use geoloc_core::{ConfigError, Encoder, EncoderConfig, FeatureSpec};
use serde::{Deserialize, Serialize};

use super::any::Plain;
use super::{
    AnyPooling, Gem, NetVlad, NetVladConfig, Pooled, Salad, SaladConfig, SpatialSoftmax,
    SpatialSoftmaxConfig,
};

/// Which pooling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum PoolingConfig {
    /// The encoder's own pooled features: the class token of transformers.
    Class,
    /// The mean of the tokens.
    Average,
    /// [`Gem`].
    Gem {
        /// The exponent at the start, 3 as a rule.
        p: f64,
    },
    /// [`NetVlad`].
    NetVlad(NetVladConfig),
    /// [`Salad`].
    Salad(SaladConfig),
    /// [`SpatialSoftmax`].
    SpatialSoftmax(SpatialSoftmaxConfig),
}

impl PoolingConfig {
    /// Whether it begins with random weights, which mean nothing before they are trained. The exponent
    /// of [`Gem`] begins with a value that works as it is.
    #[must_use]
    pub fn is_random_at_first(&self) -> bool {
        match self {
            Self::Class | Self::Average | Self::Gem { .. } => false,
            Self::NetVlad(_) | Self::Salad(_) | Self::SpatialSoftmax(_) => true,
        }
    }

    /// Builds the pooling for features of a given shape.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a number is out of range, or if the encoder gives no tokens to pool.
    pub fn init(&self, features: &FeatureSpec, device: &Device) -> Result<AnyPooling, ConfigError> {
        let within = |field, value: usize, most: usize, expected| {
            ConfigError::check((1..=most).contains(&value), field, value as f64, expected)
        };
        let width = features.width;
        if !matches!(self, Self::Class) && features.grid.is_none() {
            return Err(ConfigError::NeedsTokens);
        }
        Ok(match *self {
            Self::Class | Self::Average => AnyPooling::Plain(Plain {
                width,
                average: matches!(self, Self::Average),
            }),
            Self::Gem { p } => {
                ConfigError::check((0.1..=100.0).contains(&p), "p", p, "0.1 to 100")?;
                AnyPooling::Gem(Gem::new(width, p, device))
            }
            Self::NetVlad(config) => {
                within("clusters", config.clusters, 65_536, "1 to 65536 clusters")?;
                AnyPooling::NetVlad(NetVlad::new(config, width, device))
            }
            Self::Salad(config) => {
                let clusters = config.clusters;
                let most = features.tokens().saturating_sub(1);
                within("clusters", clusters, most, "fewer clusters than tokens")?;
                within("cluster_width", config.cluster_width, 65_536, "1 to 65536")?;
                within("global_width", config.global_width, 65_536, "1 to 65536")?;
                within("hidden", config.hidden, 65_536, "1 to 65536")?;
                within("iterations", config.iterations, 1000, "1 to 1000 rounds")?;
                let share = (0.0..1.0).contains(&config.dropout);
                ConfigError::check(share, "dropout", config.dropout, "0 to below 1")?;
                AnyPooling::Salad(Salad::new(config, width, device))
            }
            Self::SpatialSoftmax(config) => {
                within("width", config.width, 65_536, "1 to 65536")?;
                within("heads", config.heads, config.width, "1 to the width")?;
                let even = config.width.is_multiple_of(config.heads);
                let heads = config.heads as f64;
                ConfigError::check(even, "heads", heads, "a divisor of the width")?;
                AnyPooling::SpatialSoftmax(SpatialSoftmax::new(config, width, device))
            }
        })
    }
}

/// Configuration of a [`Pooled`] encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PooledConfig<C> {
    /// The encoder before the pooling.
    pub encoder: C,
    /// The pooling.
    pub pooling: PoolingConfig,
    /// Whether the result is scaled to length 1.
    pub normalise: bool,
}

impl<C: EncoderConfig> EncoderConfig for PooledConfig<C> {
    type Encoder = Pooled<C::Encoder, AnyPooling>;

    fn init(&self, device: &Device) -> Result<Self::Encoder, ConfigError> {
        let encoder = self.encoder.init(device)?;
        let pooling = self.pooling.init(&encoder.spec(), device)?;
        Ok(Pooled::new(encoder, pooling, self.normalise))
    }

    fn check_input(&self, width: usize, height: usize) -> Result<(), ConfigError> {
        self.encoder.check_input(width, height)
    }
}

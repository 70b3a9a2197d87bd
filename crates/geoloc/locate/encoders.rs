//! The encoders of this library by name.

use serde::{Deserialize, Serialize};

use crate::backbones::pooling::{PooledConfig, PoolingConfig};
use crate::backbones::{
    ConvNextConfig, EfficientNetLiteConfig, ResNetConfig, SmallCnnConfig, VitConfig,
};
use crate::core::{Backbone, EncoderConfig};

/// The encoders of this library, for models whose type is known only when the file is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnyEncoderConfig {
    /// [`SmallCnnConfig`].
    SmallCnn(SmallCnnConfig),
    /// [`ResNetConfig`].
    ResNet(ResNetConfig),
    /// [`EfficientNetLiteConfig`].
    EfficientNetLite(EfficientNetLiteConfig),
    /// [`ConvNextConfig`].
    ConvNext(ConvNextConfig),
    /// [`VitConfig`].
    Vit(VitConfig),
    /// Another one with a pooling, see [`PooledConfig`].
    Pooled {
        /// The encoder before the pooling, not a pooled one itself.
        encoder: Box<AnyEncoderConfig>,
        /// The pooling.
        pooling: PoolingConfig,
        /// Whether the result is scaled to length 1.
        normalise: bool,
    },
}

/// Something to be done with an encoder whose type is not known before.
pub trait WithEncoder {
    /// Result of the call.
    type Output;

    /// Called with the encoder in its own type.
    fn call<C>(self, config: &C) -> Self::Output
    where
        C: EncoderConfig,
        C::Encoder: Backbone + 'static;
}

impl AnyEncoderConfig {
    /// Does something with the configuration in its own type. Of pooled encoders inside each other
    /// the outermost pooling counts.
    pub fn with<W: WithEncoder>(&self, what: W) -> W::Output {
        match self {
            Self::SmallCnn(config) => what.call(config),
            Self::ResNet(config) => what.call(config),
            Self::EfficientNetLite(config) => what.call(config),
            Self::ConvNext(config) => what.call(config),
            Self::Vit(config) => what.call(config),
            Self::Pooled {
                encoder,
                pooling,
                normalise,
            } => encoder.pooled(*pooling, *normalise, what),
        }
    }

    fn pooled<W: WithEncoder>(
        &self,
        pooling: PoolingConfig,
        normalise: bool,
        what: W,
    ) -> W::Output {
        fn join<C: Clone>(encoder: &C, pooling: PoolingConfig, normalise: bool) -> PooledConfig<C> {
            PooledConfig {
                encoder: encoder.clone(),
                pooling,
                normalise,
            }
        }
        match self {
            Self::SmallCnn(config) => what.call(&join(config, pooling, normalise)),
            Self::ResNet(config) => what.call(&join(config, pooling, normalise)),
            Self::EfficientNetLite(config) => what.call(&join(config, pooling, normalise)),
            Self::ConvNext(config) => what.call(&join(config, pooling, normalise)),
            Self::Vit(config) => what.call(&join(config, pooling, normalise)),
            Self::Pooled { encoder, .. } => encoder.pooled(pooling, normalise, what),
        }
    }
}

/// `From` for a configuration and for the same one with a pooling.
macro_rules! from_config {
    ($($variant:ident: $config:ty),*) => {$(
        impl From<$config> for AnyEncoderConfig {
            fn from(config: $config) -> Self {
                Self::$variant(config)
            }
        }
    )*};
}

from_config!(
    SmallCnn: SmallCnnConfig,
    ResNet: ResNetConfig,
    EfficientNetLite: EfficientNetLiteConfig,
    ConvNext: ConvNextConfig,
    Vit: VitConfig
);

impl<C: Into<AnyEncoderConfig>> From<PooledConfig<C>> for AnyEncoderConfig {
    fn from(config: PooledConfig<C>) -> Self {
        Self::Pooled {
            encoder: Box::new(config.encoder.into()),
            pooling: config.pooling,
            normalise: config.normalise,
        }
    }
}

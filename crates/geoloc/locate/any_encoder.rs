//! The encoders of this library as one type, for programs that read the choice from a file.

use std::fmt::{Display, Formatter};

use burn::module::{
    Content, Devices, DisplaySettings, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper,
    ModuleVisitor,
};
use burn::tensor::{Device, Tensor};

use super::AnyEncoderConfig;
use crate::backbones::pooling::{AnyPooling, Pooled};
use crate::backbones::weights::{KeyMap, LoadReport, WeightsError, load_weights};
use crate::backbones::{ConvNext, EfficientNetLite, ResNet, SmallCnn, Vit};
use crate::core::{ConfigError, Encoder, EncoderConfig, EncoderParts, FeatureSpec, Features};

/// Any encoder of this library.
///
/// Its parameters have the names that they have in the encoder itself, so that model files do not
/// tell whether they were written by this type or by that of the encoder.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a model has one, whose tensors are elsewhere"
)]
#[non_exhaustive]
pub enum AnyEncoder {
    /// [`SmallCnn`].
    SmallCnn(SmallCnn),
    /// [`ResNet`].
    ResNet(ResNet),
    /// [`EfficientNetLite`].
    EfficientNetLite(EfficientNetLite),
    /// [`ConvNext`].
    ConvNext(ConvNext),
    /// [`Vit`].
    Vit(Vit),
    /// Another one with a pooling.
    Pooled(Box<Pooled<AnyEncoder, AnyPooling>>),
}

/// Does the same with the encoder inside, whatever its type.
macro_rules! inside {
    ($self:expr, $encoder:ident => $body:expr) => {
        match $self {
            AnyEncoder::SmallCnn($encoder) => $body,
            AnyEncoder::ResNet($encoder) => $body,
            AnyEncoder::EfficientNetLite($encoder) => $body,
            AnyEncoder::ConvNext($encoder) => $body,
            AnyEncoder::Vit($encoder) => $body,
            AnyEncoder::Pooled(pooled) => {
                let $encoder = pooled.as_ref();
                $body
            }
        }
    };
}

/// Makes the same change to the encoder inside, whatever its type.
macro_rules! changed {
    ($self:expr, $encoder:ident => $body:expr) => {
        match $self {
            AnyEncoder::SmallCnn($encoder) => AnyEncoder::SmallCnn($body),
            AnyEncoder::ResNet($encoder) => AnyEncoder::ResNet($body),
            AnyEncoder::EfficientNetLite($encoder) => AnyEncoder::EfficientNetLite($body),
            AnyEncoder::ConvNext($encoder) => AnyEncoder::ConvNext($body),
            AnyEncoder::Vit($encoder) => AnyEncoder::Vit($body),
            AnyEncoder::Pooled(pooled) => {
                let $encoder = *pooled;
                AnyEncoder::Pooled(Box::new($body))
            }
        }
    };
}

impl AnyEncoder {
    /// Loads the weights of the encoder, of a pooled one those before the pooling.
    ///
    /// # Errors
    ///
    /// [`WeightsError`]; the encoder is then as it was.
    pub fn load_weights(
        &mut self,
        path: impl AsRef<std::path::Path>,
        keys: &KeyMap,
    ) -> Result<LoadReport, WeightsError> {
        match self {
            Self::SmallCnn(encoder) => load_weights(encoder, path, keys),
            Self::ResNet(encoder) => load_weights(encoder, path, keys),
            Self::EfficientNetLite(encoder) => load_weights(encoder, path, keys),
            Self::ConvNext(encoder) => load_weights(encoder, path, keys),
            Self::Vit(encoder) => load_weights(encoder, path, keys),
            Self::Pooled(pooled) => pooled.encoder.load_weights(path, keys),
        }
    }
}

impl EncoderConfig for AnyEncoderConfig {
    type Encoder = AnyEncoder;

    fn init(&self, device: &Device) -> Result<AnyEncoder, ConfigError> {
        Ok(match self {
            Self::SmallCnn(config) => AnyEncoder::SmallCnn(config.init(device)?),
            Self::ResNet(config) => AnyEncoder::ResNet(config.init(device)?),
            Self::EfficientNetLite(config) => AnyEncoder::EfficientNetLite(config.init(device)?),
            Self::ConvNext(config) => AnyEncoder::ConvNext(config.init(device)?),
            Self::Vit(config) => AnyEncoder::Vit(config.init(device)?),
            Self::Pooled {
                encoder,
                pooling,
                normalise,
            } => {
                // Of poolings inside each other the outermost counts, as in `with`.
                let mut inner = encoder;
                while let Self::Pooled { encoder, .. } = inner.as_ref() {
                    inner = encoder;
                }
                let encoder = inner.init(device)?;
                let pooling = pooling.init(&encoder.spec(), device)?;
                AnyEncoder::Pooled(Box::new(Pooled::new(encoder, pooling, *normalise)))
            }
        })
    }

    fn check_input(&self, width: usize, height: usize) -> Result<(), ConfigError> {
        match self {
            Self::SmallCnn(config) => config.check_input(width, height),
            Self::ResNet(config) => config.check_input(width, height),
            Self::EfficientNetLite(config) => config.check_input(width, height),
            Self::ConvNext(config) => config.check_input(width, height),
            Self::Vit(config) => config.check_input(width, height),
            Self::Pooled { encoder, .. } => encoder.check_input(width, height),
        }
    }
}

impl Encoder for AnyEncoder {
    type Input = Tensor<4>;

    fn encode(&self, input: Tensor<4>) -> Features {
        inside!(self, encoder => encoder.encode(input))
    }

    fn spec(&self) -> FeatureSpec {
        inside!(self, encoder => encoder.spec())
    }

    fn for_inference(self) -> Self {
        changed!(self, encoder => encoder.for_inference())
    }

    fn parts(&self) -> EncoderParts {
        inside!(self, encoder => encoder.parts())
    }
}

// By hand: the derived one would put the name of the variant before the names of all parameters.
impl Module for AnyEncoder {
    fn collect_devices(&self, devices: Devices) -> Devices {
        inside!(self, encoder => encoder.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        changed!(self, encoder => encoder.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        changed!(self, encoder => encoder.to_device(device))
    }

    fn train(self) -> Self {
        changed!(self, encoder => encoder.train())
    }

    fn valid(&self) -> Self {
        match self {
            Self::SmallCnn(encoder) => Self::SmallCnn(encoder.valid()),
            Self::ResNet(encoder) => Self::ResNet(encoder.valid()),
            Self::EfficientNetLite(encoder) => Self::EfficientNetLite(encoder.valid()),
            Self::ConvNext(encoder) => Self::ConvNext(encoder.valid()),
            Self::Vit(encoder) => Self::Vit(encoder.valid()),
            Self::Pooled(pooled) => Self::Pooled(Box::new(pooled.as_ref().valid())),
        }
    }

    fn materialize(self) -> Self {
        changed!(self, encoder => encoder.materialize())
    }

    fn num_params(&self) -> usize {
        inside!(self, encoder => Module::num_params(encoder))
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        inside!(self, encoder => encoder.visit(visitor));
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        changed!(self, encoder => Module::map(encoder, mapper))
    }
}

impl ModuleDisplayDefault for AnyEncoder {
    fn content(&self, content: Content) -> Option<Content> {
        inside!(self, encoder => encoder.content(content))
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for AnyEncoder {
    fn format(&self, settings: DisplaySettings) -> String {
        inside!(self, encoder => encoder.format(settings))
    }
}

impl Display for AnyEncoder {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.format(DisplaySettings::default()))
    }
}

//! The network.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use geoloc_core::{Encoder, EncoderParts, FeatureSpec, Features};

use super::EfficientNetLiteConfig;
use super::block::{InvertedResidual, convolution, norm};
use crate::activation::Activation;
use crate::convolution::convolve_norm;
use crate::feature_map::{features_of_map, halved};
use crate::folding::fold;

/// An EfficientNet-Lite. Its tokens are the pixels of the last map, a 32nd of the input a side.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    conv_stem: Conv2d,
    bn1: Option<BatchNorm>,
    blocks: Vec<Vec<InvertedResidual>>,
    conv_head: Conv2d,
    bn2: Option<BatchNorm>,
    classifier: Option<Linear>,
    #[module(skip)]
    spec: FeatureSpec,
}

impl EfficientNetLite {
    /// Builds the network of a configuration whose numbers make sense.
    pub(super) fn new(config: &EfficientNetLiteConfig, device: &Device) -> Self {
        let mut input = config.stem;
        let stages = config.stages.iter().map(|stage| {
            let blocks = (0..stage.blocks).map(|block| {
                let stride = if block == 0 { stage.stride } else { 1 };
                let residual = InvertedResidual::new(stage, input, stride, device);
                input = stage.channels;
                residual
            });
            blocks.collect()
        });
        let blocks: Vec<Vec<InvertedResidual>> = stages.collect();
        let halvings = 1 + config.stages.iter().filter(|s| s.stride == 2).count() as u32;
        Self {
            conv_stem: convolution([3, config.stem], 3, 2, 1, device),
            bn1: Some(norm(config.stem, device)),
            blocks,
            conv_head: convolution([input, config.head], 1, 1, 1, device),
            bn2: Some(norm(config.head, device)),
            classifier: config
                .classes
                .map(|classes| LinearConfig::new(config.head, classes).init(device)),
            spec: FeatureSpec {
                width: config.head,
                grid: Some(config.input_size.map(|side| halved(side, halvings))),
            },
        }
    }

    /// The last feature map.
    ///
    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]` to `[batch, head, height / 32, width / 32]`, sides rounded
    /// up.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have 3 channels.
    #[must_use]
    pub fn feature_map(&self, images: Tensor<4>) -> Tensor<4> {
        let x = convolve_norm(
            &self.conv_stem,
            self.bn1.as_ref(),
            Activation::RELU6,
            images,
        );
        let x = self
            .blocks
            .iter()
            .flatten()
            .fold(x, |x, block| block.forward(x));
        convolve_norm(&self.conv_head, self.bn2.as_ref(), Activation::RELU6, x)
    }

    /// Unnormalised log-probabilities of the classes of the checkpoint, `[batch, classes]`; none if
    /// the network was built without its classifier.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have 3 channels.
    #[must_use]
    pub fn classify(&self, images: Tensor<4>) -> Option<Tensor<2>> {
        let classifier = self.classifier.as_ref()?;
        Some(classifier.forward(self.encode(images).pooled))
    }
}

impl Encoder for EfficientNetLite {
    type Input = Tensor<4>;

    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]` to pooled features `[batch, head]`, the mean of the
    /// tokens `[batch, rows * columns, head]`.
    fn encode(&self, images: Tensor<4>) -> Features {
        features_of_map(self.feature_map(images))
    }

    fn spec(&self) -> FeatureSpec {
        self.spec
    }

    fn for_inference(mut self) -> Self {
        fold(&mut self.conv_stem, &mut self.bn1);
        fold(&mut self.conv_head, &mut self.bn2);
        let stages = self.blocks.into_iter();
        let folded = |stage: Vec<InvertedResidual>| {
            let blocks = stage.into_iter();
            blocks.map(InvertedResidual::folded).collect()
        };
        self.blocks = stages.map(folded).collect();
        self
    }

    fn parts(&self) -> EncoderParts {
        let stages = self.blocks.iter().enumerate();
        EncoderParts {
            stem: vec!["conv_stem".into(), "bn1".into()],
            blocks: stages
                .flat_map(|(s, stage)| (0..stage.len()).map(move |b| format!("blocks.{s}.{b}")))
                .collect(),
        }
    }
}

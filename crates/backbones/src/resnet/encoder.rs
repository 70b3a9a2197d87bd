//! The network.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use geoloc_core::{Encoder, EncoderParts, FeatureSpec, Features};

use super::ResNetConfig;
use super::block::{Residual, convolution};
use super::stem_pool::max_pool;
use crate::activation::Activation;
use crate::convolution::convolve_norm;
use crate::feature_map::{features_of_map, halved};
use crate::folding::fold;

/// A residual network. Its tokens are the pixels of the last map, a 32nd of the input a side.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: Option<BatchNorm>,
    maxpool: MaxPool2d,
    layer1: Vec<Residual>,
    layer2: Vec<Residual>,
    layer3: Vec<Residual>,
    layer4: Vec<Residual>,
    fc: Option<Linear>,
    #[module(skip)]
    spec: FeatureSpec,
}

impl ResNet {
    /// Builds the network of a configuration whose numbers make sense.
    pub(super) fn new(config: &ResNetConfig, device: &Device) -> Self {
        let mut input = config.width;
        let mut stage = |index: usize, blocks: usize| -> Vec<Residual> {
            let width = config.width << index;
            (0..blocks)
                .map(|block| {
                    let stride = if block == 0 && index > 0 { 2 } else { 1 };
                    let residual = Residual::new(config.block, input, width, stride, device);
                    input = width * config.block.expansion();
                    residual
                })
                .collect()
        };
        let [first, second, third, fourth] = config.blocks;
        let layer1 = stage(0, first);
        let layer2 = stage(1, second);
        let layer3 = stage(2, third);
        let layer4 = stage(3, fourth);
        let width = 8 * config.width * config.block.expansion();
        Self {
            conv1: convolution([3, config.width], 7, 2, device),
            bn1: Some(BatchNormConfig::new(config.width).init(device)),
            maxpool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            layer1,
            layer2,
            layer3,
            layer4,
            fc: config
                .classes
                .map(|classes| LinearConfig::new(width, classes).init(device)),
            spec: FeatureSpec {
                width,
                grid: Some(config.input_size.map(|side| halved(side, 5))),
            },
        }
    }

    /// The last feature map.
    ///
    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]` to `[batch, channels, height / 32, width / 32]`, sides
    /// rounded up.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have 3 channels.
    #[must_use]
    pub fn feature_map(&self, images: Tensor<4>) -> Tensor<4> {
        let x = convolve_norm(&self.conv1, self.bn1.as_ref(), Activation::RELU, images);
        let x = max_pool(&self.maxpool, x);
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4]
            .into_iter()
            .flatten()
            .fold(x, |x, block| block.forward(x))
    }

    /// Unnormalised log-probabilities of the classes of the checkpoint, `[batch, classes]`; none if
    /// the network was built without its classifier.
    ///
    /// # Panics
    ///
    /// Burn panics if the input does not have 3 channels.
    #[must_use]
    pub fn classify(&self, images: Tensor<4>) -> Option<Tensor<2>> {
        let fc = self.fc.as_ref()?;
        Some(fc.forward(self.encode(images).pooled))
    }
}

impl Encoder for ResNet {
    type Input = Tensor<4>;

    /// # Shapes
    ///
    /// Images `[batch, 3, height, width]` to pooled features `[batch, channels]`, the mean of the
    /// tokens `[batch, rows * columns, channels]`.
    fn encode(&self, images: Tensor<4>) -> Features {
        features_of_map(self.feature_map(images))
    }

    fn spec(&self) -> FeatureSpec {
        self.spec
    }

    fn for_inference(mut self) -> Self {
        fold(&mut self.conv1, &mut self.bn1);
        let folded = |stage: Vec<Residual>| stage.into_iter().map(Residual::folded).collect();
        self.layer1 = folded(self.layer1);
        self.layer2 = folded(self.layer2);
        self.layer3 = folded(self.layer3);
        self.layer4 = folded(self.layer4);
        self
    }

    fn parts(&self) -> EncoderParts {
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        let stages = stages.iter().zip(1..);
        EncoderParts {
            stem: vec!["conv1".into(), "bn1".into()],
            blocks: stages
                .flat_map(|(stage, s)| (0..stage.len()).map(move |b| format!("layer{s}.{b}")))
                .collect(),
        }
    }
}

//! A scene classifier and an expert for each scene on the same features.

use burn::module::Module;
use burn::nn::Linear;
use geoloc_core::{CellLogits, Features, Head, SceneExperts};

/// A linear scene classifier and one head a scene.
///
/// The published system trains a whole network for each scene. Here the experts share the encoder
/// and differ in their heads; for separate networks decode the outputs of several models with
/// [`RoutedDecoder`](super::RoutedDecoder).
#[derive(Module, Debug)]
pub struct ExpertsHead<H: Module> {
    pub(super) scene: Linear,
    pub(super) experts: Vec<H>,
}

impl<H: Head> Head for ExpertsHead<H> {
    type Output = SceneExperts<H::Output>;

    /// # Shapes
    ///
    /// Features `[batch, width]` to scene logits `[batch, scenes]` and the output of every expert
    /// for every item.
    fn forward(&self, features: Features) -> Self::Output {
        let expert = |head: &H| head.forward(features.clone());
        SceneExperts {
            scenes: CellLogits(self.scene.forward(features.pooled.clone())),
            experts: self.experts.iter().map(expert).collect(),
        }
    }

    fn constrain(self) -> Self {
        Self {
            experts: self.experts.into_iter().map(Head::constrain).collect(),
            ..self
        }
    }
}

//! Two heads on the same features.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use geoloc_core::{Features, Head, TwoTasks};

/// Two heads and the logarithm of the variance of each task, which start at 0.
#[derive(Module, Debug)]
pub struct TwoTaskHead<A: Module, B: Module> {
    pub(super) first: A,
    pub(super) second: B,
    pub(super) log_variances: Param<Tensor<1>>,
}

impl<A: Head, B: Head> Head for TwoTaskHead<A, B> {
    type Output = TwoTasks<A::Output, B::Output>;

    /// # Shapes
    ///
    /// Features `[batch, width]` to the outputs of both heads.
    fn forward(&self, features: Features) -> Self::Output {
        TwoTasks {
            first: self.first.forward(features.clone()),
            second: self.second.forward(features),
            log_variances: self.log_variances.val(),
        }
    }

    fn constrain(self) -> Self {
        Self {
            first: self.first.constrain(),
            second: self.second.constrain(),
            ..self
        }
    }
}

//! Whether a model can still be used.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::TrainError;

/// Whether all parameters and running statistics are finite: one number is read from the device.
pub(super) fn all_finite<M: Module>(module: &M) -> Result<bool, TrainError> {
    let mut sum = Sum::default();
    module.visit(&mut sum);
    let Some(total) = sum.total else {
        return Ok(true);
    };
    // 0 times infinity is NaN, so the sum is 0 only if every value is finite.
    let value = total.try_into_vec_as::<f32>();
    let value = value.map_err(|e| TrainError::Device {
        reason: e.to_string(),
    })?;
    Ok(value.as_slice() == [0.0])
}

#[derive(Default)]
struct Sum {
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for Sum {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let own = param.val().detach().mul_scalar(0.0).sum();
        self.total = Some(match self.total.take() {
            Some(total) => total + own,
            None => own,
        });
    }
}

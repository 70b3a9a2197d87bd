//! Places drawn from a flow.

use burn::tensor::{Tensor, TensorData};
use geoloc_core::{
    ConfigError, FlowSchedule, SphericalFlow, VelocityField, mix, uniform_direction,
};
use serde::{Deserialize, Serialize};

/// Follows a flow from noise to places.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowSampler {
    /// The schedule of training.
    pub schedule: FlowSchedule,
    /// Number of Euler steps, uniform in time.
    pub steps: usize,
    /// ω: the field is `(1 + ω) v(x, condition) - ω v(x, none)` (Ho and Salimans 2022). Above 0
    /// samples crowd where the condition says most: 2 for single answers, 0 for the density that
    /// was learned.
    pub guidance: f64,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for FlowSampler {
    /// 250 steps and guidance 2, as published.
    fn default() -> Self {
        Self {
            schedule: FlowSchedule::default(),
            steps: 250,
            guidance: 2.0,
            seed: 0,
        }
    }
}

impl FlowSampler {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] without steps, for guidance that is not finite, or for a schedule
    /// that makes no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        ConfigError::check(self.steps > 0, "steps", self.steps as f64, "at least 1")?;
        let ok = self.guidance.is_finite();
        ConfigError::check(ok, "guidance", self.guidance, "finite")?;
        self.schedule.check()
    }

    /// Draws `samples` unit vectors for each item, `[batch * samples, 3]`, those of an item
    /// together.
    ///
    /// Sample `k` of every item starts from the same noise, a function of the seed and `k`: what an
    /// item gets does not depend on the rest of the batch. Samples are independent given the item.
    #[must_use]
    pub fn sample<F: VelocityField>(&self, flow: &SphericalFlow<F>, samples: usize) -> Tensor<2> {
        let [batch, width] = flow.condition.dims();
        let device = flow.condition.device();
        let n = batch * samples;
        let noise: Vec<f32> = (0..samples as u64)
            .flat_map(|k| uniform_direction(mix(self.seed, k)))
            .map(|x| x as f32)
            .collect();
        let noise = Tensor::<2>::from_data(TensorData::new(noise, [samples, 3]), &device);
        let mut x = noise.repeat_dim(0, batch);
        let condition: Tensor<2> = flow
            .condition
            .clone()
            .unsqueeze_dim::<3>(1)
            .repeat_dim(1, samples)
            .reshape([n, width]);
        let none = (self.guidance != 0.0).then(|| condition.zeros_like());
        let times = (0..=self.steps).map(|k| 1.0 - k as f64 / self.steps as f64);
        let progress: Vec<f64> = times.map(|t| self.schedule.progress(t)).collect();
        for pair in progress.windows(2) {
            let &[now, next] = pair else { continue };
            let gamma = || Tensor::<2>::full([n, 1], now, &device);
            let mut v = flow.field.velocity(x.clone(), gamma(), condition.clone());
            if let Some(none) = &none {
                let blind = flow.field.velocity(x.clone(), gamma(), none.clone());
                v = v * (1.0 + self.guidance) - blind * self.guidance;
            }
            x = x + v * (next - now);
            x = x.clone() / x.square().sum_dim(1).sqrt();
        }
        x
    }
}

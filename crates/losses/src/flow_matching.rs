//! Riemannian flow matching on the sphere.

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    FlowSchedule, Loss, SphericalFlow, TargetEncoder, TargetError, VelocityField, mix, uniform,
    uniform_direction,
};
use geoloc_geo_cells::LatLng;

/// Points on the way from noise to the truth, and how fast they move.
#[derive(Clone, Debug)]
pub struct FlowTarget {
    /// Unit vectors on the great circle from noise to the truth, `[batch, 3]`.
    pub points: Tensor<2>,
    /// Share of the way that lies behind, `[batch, 1]`.
    pub progress: Tensor<2>,
    /// Change of the point per unit of progress, `[batch, 3]`.
    pub velocities: Tensor<2>,
    /// 1 where the field is told the condition, 0 where it has to do without, `[batch, 1]`.
    pub kept: Tensor<2>,
}

/// Draws noise, time and dropped conditions for each place (Dufour et al. 2025).
///
/// All draws are made in f64 on the host and are pure functions of the seed and the position in the
/// batch. Without a seed ([`TargetEncoder::encode`]) they depend on the places alone, so that the
/// same batch always has the same target, as a validation loss wants it; training has to use
/// [`TargetEncoder::encode_seeded`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowTargets {
    /// How the time is spread over the progress.
    pub schedule: FlowSchedule,
    /// Share of items whose condition is dropped, in [0, 1), which guidance needs; 0.1 as published.
    pub drop: f64,
}

impl Default for FlowTargets {
    fn default() -> Self {
        Self {
            schedule: FlowSchedule::default(),
            drop: 0.1,
        }
    }
}

impl TargetEncoder for FlowTargets {
    type Target = FlowTarget;

    /// Never fails.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<FlowTarget, TargetError> {
        let seed = truth.iter().fold(0, |seed, place| {
            mix(mix(seed, place.lat().to_bits()), place.lng().to_bits())
        });
        self.encode_seeded(truth, seed, device)
    }

    fn encode_seeded(
        &self,
        truth: &[LatLng],
        seed: u64,
        device: &Device,
    ) -> Result<FlowTarget, TargetError> {
        let mut columns: [Vec<f32>; 4] = Default::default();
        let [points, progress, velocities, kept] = &mut columns;
        for (index, place) in truth.iter().enumerate() {
            let own = mix(seed, index as u64);
            let gamma = self.schedule.progress(uniform(mix(own, 0)));
            let (point, velocity) = draw_way(place.to_unit_vector(), gamma, mix(own, 1));
            points.extend(point.map(|x| x as f32));
            velocities.extend(velocity.map(|x| x as f32));
            progress.push(gamma as f32);
            kept.push(if uniform(mix(own, 2)) < self.drop {
                0.0
            } else {
                1.0
            });
        }
        let n = truth.len();
        let [points, progress, velocities, kept] = columns;
        let tensor = |values: Vec<f32>, width: usize| {
            Tensor::from_data(TensorData::new(values, [n, width]), device)
        };
        Ok(FlowTarget {
            points: tensor(points, 3),
            progress: tensor(progress, 1),
            velocities: tensor(velocities, 3),
            kept: tensor(kept, 1),
        })
    }
}

/// The point at `gamma` of the way from a random direction to `to`, and its velocity. Directions
/// within 0.1 mrad of the antipode, which has no shortest way, are drawn anew.
fn draw_way(to: [f64; 3], gamma: f64, seed: u64) -> ([f64; 3], [f64; 3]) {
    let mut attempt = 0;
    let from = loop {
        let from = uniform_direction(mix(seed, attempt));
        let opposite: f64 = (0..3).map(|k| (from[k] + to[k]).powi(2)).sum();
        if opposite > 1e-8 {
            break from;
        }
        attempt += 1;
    };
    way(from, to, gamma)
}

/// `(sin((1-γ)θ) from + sin(γθ) to) / sin θ` and its derivative by γ.
fn way(from: [f64; 3], to: [f64; 3], gamma: f64) -> ([f64; 3], [f64; 3]) {
    // Keeps its digits near the antipode, where the sine of an angle from the chord has none.
    let cross = [1, 2, 0].map(|k: usize| {
        let (i, j) = ((k + 1) % 3, (k + 2) % 3);
        from[i] * to[j] - from[j] * to[i]
    });
    let sin = cross.iter().map(|c| c * c).sum::<f64>().sqrt();
    let theta = sin.atan2((0..3).map(|k| from[k] * to[k]).sum());
    if theta < 1e-9 {
        return (to, std::array::from_fn(|k| to[k] - from[k]));
    }
    let (sin_from, cos_from) = ((1.0 - gamma) * theta).sin_cos();
    let (sin_to, cos_to) = (gamma * theta).sin_cos();
    let point = std::array::from_fn(|k| (sin_from * from[k] + sin_to * to[k]) / sin);
    let velocity = std::array::from_fn(|k| theta * (cos_to * to[k] - cos_from * from[k]) / sin);
    (point, velocity)
}

/// The mean squared error of the velocity over batch and coordinates (Chen and Lipman 2024;
/// Dufour et al. 2025).
///
/// Its minimum is not 0: from one point ways lead to several places, and the best answer is their
/// mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FlowMatching;

impl<F: VelocityField> Loss<SphericalFlow<F>> for FlowMatching {
    type Target = FlowTarget;

    fn forward(&self, output: &SphericalFlow<F>, target: &FlowTarget) -> Tensor<1> {
        let condition = output.condition.clone() * target.kept.clone();
        let found =
            output
                .field
                .velocity(target.points.clone(), target.progress.clone(), condition);
        (found - target.velocities.clone()).square().mean()
    }
}

#[cfg(test)]
#[path = "flow_matching_tests.rs"]
mod tests;

//! The density of a flow at given places.

use burn::tensor::{Tensor, TensorData};
use geoloc_core::{ConfigError, DecodeError, FlowSchedule, SphericalFlow, VelocityField};
use geoloc_geo_cells::LatLng;

use super::FlowSampler;
use crate::rows::read_rows;

/// The density of a flow by integrating its divergence (Chen et al. 2018): along the path of a
/// place back to noise, `ln p(x) = -ln 4π - ∫ div v dγ`.
///
/// The divergence is exact, by automatic differentiation along two tangents; path and integral
/// are integrated by the classical Runge-Kutta method in the time of the schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowLikelihood {
    /// The schedule of training.
    pub schedule: FlowSchedule,
    /// Number of steps; each asks the field four times.
    pub steps: usize,
}

impl Default for FlowLikelihood {
    fn default() -> Self {
        Self {
            schedule: FlowSchedule::default(),
            steps: 64,
        }
    }
}

impl FlowLikelihood {
    /// Log-density in nats per steradian at one place for each item, without guidance; -2.531 is
    /// the uniform density. NaN for an item whose features are not finite.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Width`] unless there is one place for each item, [`DecodeError::Search`] for
    /// a configuration that is out of range, [`DecodeError::Device`].
    pub fn log_density<F: VelocityField>(
        &self,
        flow: &SphericalFlow<F>,
        places: &[LatLng],
    ) -> Result<Vec<f64>, DecodeError> {
        let [expected, _] = flow.condition.dims();
        let found = places.len();
        if found != expected {
            return Err(DecodeError::Width { expected, found });
        }
        let values: Vec<f32> = places
            .iter()
            .flat_map(|p| p.to_unit_vector())
            .map(|x| x as f32)
            .collect();
        let device = flow.condition.device();
        let data = TensorData::new(values, [found, 3]);
        self.at(flow, Tensor::from_data(data, &device))
    }

    /// How much the model knows about where each photo was taken: the mean of `log2(4π p)` over
    /// `samples` places drawn from its own density, the information in bits over "anywhere". 0 for
    /// the uniform density, 10 when the photo is placed within a thousandth of the Earth.
    ///
    /// The published localizability is a linear function of this one, `(bits - log2 4π) / 4π`.
    ///
    /// # Errors
    ///
    /// As [`FlowLikelihood::log_density`].
    pub fn localizability<F: VelocityField>(
        &self,
        flow: &SphericalFlow<F>,
        sampler: &FlowSampler,
        samples: usize,
    ) -> Result<Vec<f64>, DecodeError> {
        let samples = samples.max(1);
        let [batch, width] = flow.condition.dims();
        let sampler = FlowSampler {
            schedule: self.schedule,
            guidance: 0.0,
            ..*sampler
        };
        sampler.check().map_err(|e| invalid(&e))?;
        let points = sampler.sample(flow, samples);
        let condition = flow.condition.clone().unsqueeze_dim::<3>(1);
        let repeated = SphericalFlow {
            field: flow.field.clone(),
            condition: condition
                .repeat_dim(1, samples)
                .reshape([batch * samples, width]),
        };
        let uniform = -(2.0 * std::f64::consts::TAU).ln();
        let bits = |row: &[f64]| {
            let sum: f64 = row.iter().map(|log_density| log_density - uniform).sum();
            sum / samples as f64 / std::f64::consts::LN_2
        };
        let densities = self.at(&repeated, points)?;
        Ok(densities.chunks_exact(samples).map(bits).collect())
    }

    /// Log-densities at `points` `[batch, 3]`.
    fn at<F: VelocityField>(
        &self,
        flow: &SphericalFlow<F>,
        points: Tensor<2>,
    ) -> Result<Vec<f64>, DecodeError> {
        let ok = self.steps > 0;
        ConfigError::check(ok, "steps", self.steps as f64, "at least 1")
            .map_err(|e| invalid(&e))?;
        self.schedule.check().map_err(|e| invalid(&e))?;
        // Parameters need no gradients, only the points do.
        let field = Divergence {
            field: flow.field.valid().train().no_grad(),
            condition: Tensor::cat(vec![flow.condition.clone().without_autodiff(); 2], 0)
                .autodiff(),
            schedule: self.schedule,
        };
        let mut x = points.without_autodiff();
        let mut integral = x.clone().narrow(1, 0, 1).zeros_like();
        let h = 1.0 / self.steps as f64;
        for k in 0..self.steps {
            let t = k as f64 * h;
            let rate = |x: Tensor<2>, t: f64| field.rate(x, t);
            let (v1, d1) = rate(x.clone(), t);
            let (v2, d2) = rate(x.clone() + v1.clone() * (0.5 * h), t + 0.5 * h);
            let (v3, d3) = rate(x.clone() + v2.clone() * (0.5 * h), t + 0.5 * h);
            let (v4, d4) = rate(x.clone() + v3.clone() * h, t + h);
            x = unit(x + (v1 + (v2 + v3) * 2.0 + v4) * (h / 6.0));
            integral = integral + (d1 + (d2 + d3) * 2.0 + d4) * (h / 6.0);
        }
        let uniform = -(2.0 * std::f64::consts::TAU).ln();
        let rows = read_rows(integral, 1)?;
        let logs = rows.iter().flatten().map(|i| uniform + f64::from(*i));
        Ok(logs.collect())
    }
}

fn invalid(e: &ConfigError) -> DecodeError {
    DecodeError::Search {
        reason: e.to_string(),
    }
}

fn unit(x: Tensor<2>) -> Tensor<2> {
    x.clone() / x.square().sum_dim(1).sqrt()
}

/// A field on a device that differentiates.
struct Divergence<F> {
    field: F,
    /// Twice the conditions of the batch, `[2 batch, width]`.
    condition: Tensor<2>,
    schedule: FlowSchedule,
}

impl<F: VelocityField> Divergence<F> {
    /// Change of the point and of the integral per unit of time, at `x` scaled to unit length.
    ///
    /// The trace over two tangents `e` of `e · ∂v/∂e` is the divergence on the sphere, because `v`
    /// is tangent. Both tangents go through one backward pass, as rows of a doubled batch.
    fn rate(&self, x: Tensor<2>, t: f64) -> (Tensor<2>, Tensor<2>) {
        let slope = self.schedule.slope(t);
        let x = unit(x);
        let [n, _] = x.dims();
        let tangents = tangents(&x);
        let doubled = Tensor::cat(vec![x.clone(), x], 0).autodiff().require_grad();
        let progress = Tensor::full([2 * n, 1], self.schedule.progress(t), &doubled.device());
        let v = self
            .field
            .velocity(doubled.clone(), progress, self.condition.clone());
        let gradients = (v.clone() * tangents.clone().autodiff()).sum().backward();
        let along = match doubled.grad(&gradients) {
            Some(gradient) => (gradient.without_autodiff() * tangents).sum_dim(1),
            // A field that does not depend on the point, which only the zero field is.
            None => tangents.sum_dim(1).zeros_like(),
        };
        let divergence = along.clone().narrow(0, 0, n) + along.narrow(0, n, n);
        let v = v.without_autodiff().narrow(0, 0, n);
        (v * slope, divergence * slope)
    }
}

/// Two orthogonal unit tangents at each of `n` points, `[2 n, 3]`: all first ones, then all second
/// ones (Duff et al. 2017, which has no pole but a sign change at the equator).
fn tangents(x: &Tensor<2>) -> Tensor<2> {
    let column = |k: usize| x.clone().narrow(1, k, 1);
    let (x, y, z) = (column(0), column(1), column(2));
    let south = z.clone().lower_scalar(0.0);
    let sign = z.ones_like().mask_fill(south, -1.0);
    let a = (sign.clone() + z).recip().neg();
    let b = x.clone() * y.clone() * a.clone();
    let first = Tensor::cat(
        vec![
            sign.clone() * x.clone().square() * a.clone() + 1.0,
            sign.clone() * b.clone(),
            sign.clone().neg() * x,
        ],
        1,
    );
    let second = Tensor::cat(vec![b, sign + y.clone().square() * a, y.neg()], 1);
    Tensor::cat(vec![first, second], 0)
}

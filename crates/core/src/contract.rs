//! Contract checks that every encoder, head and loss passes, downstream ones too.
//!
//! They are plain functions returning what was violated, to be called from tests:
//!
//! ```text
//! geoloc_core::contract::check_encoder(&encoder, images)?;
//! geoloc_core::contract::check_learner(&training, batch)?;
//! geoloc_core::contract::check_round_trip(trained, fresh)?;
//! ```

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use thiserror::Error;

use crate::{Encoder, Features, Head, Learner};

/// What a module does wrong.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ContractViolation {
    /// A shape differs from what the module announced.
    #[error("{what} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// What was announced.
        expected: Vec<usize>,
        /// What was found.
        found: Vec<usize>,
    },
    /// A tensor holds NaN or an infinite value.
    #[error("{what} is not finite")]
    NotFinite {
        /// Which tensor.
        what: String,
    },
    /// A trainable parameter got no gradient.
    #[error("parameter {path} got no gradient")]
    NoGradient {
        /// Path of the parameter in the module.
        path: String,
    },
    /// The output of an item depends on the other items of its batch.
    #[error("the output of an item changes by {difference} with the batch around it")]
    BatchDependent {
        /// Largest difference.
        difference: f32,
    },
    /// Saving and loading changed the module.
    #[error("saved and loaded parameters differ: {reason}")]
    RoundTrip {
        /// How.
        reason: String,
    },
    /// A tensor could not be read from its device.
    #[error("a tensor could not be read: {reason}")]
    Device {
        /// What burn said.
        reason: String,
    },
}

/// Checks that an encoder returns the announced shapes, finite values, and for each item a result
/// that does not depend on the rest of the batch.
///
/// `input` makes the input of `n` items, the same items for the same positions.
///
/// # Errors
///
/// The first violation found.
pub fn check_encoder<E: Encoder>(
    encoder: &E,
    input: impl Fn(usize) -> E::Input,
) -> Result<(), ContractViolation> {
    let encoder = encoder.valid();
    let spec = encoder.spec();
    let many = encoder.encode(input(3));
    expect_shape("pooled features", many.pooled.dims(), [3, spec.width])?;
    if let Some(tokens) = &many.tokens {
        let expected = [3, spec.tokens(), spec.width];
        expect_shape("token features", tokens.dims(), expected)?;
    }
    let many = to_vec("pooled features", many.pooled)?;
    let one = to_vec("pooled features", encoder.encode(input(1)).pooled)?;
    let difference = many
        .iter()
        .zip(&one)
        .map(|(a, b)| (a - b).abs() / (1.0 + b.abs()))
        .fold(0.0, f32::max);
    // Kernels may sum in another order for another batch size.
    if difference > 1e-4 {
        return Err(ContractViolation::BatchDependent { difference });
    }
    Ok(())
}

/// Checks that a head accepts features of the announced width; `inspect` returns the tensors of
/// its output.
///
/// # Errors
///
/// The first violation found.
pub fn check_head<H: Head>(
    head: &H,
    features: Features,
    inspect: impl Fn(H::Output) -> Vec<Tensor<2>>,
) -> Result<(), ContractViolation> {
    let batch = features.pooled.dims()[0];
    for tensor in inspect(head.forward(features)) {
        let [rows, columns] = tensor.dims();
        expect_shape("head output", [rows, columns], [batch, columns])?;
        to_vec("head output", tensor)?;
    }
    Ok(())
}

/// Checks that the loss of a batch is finite and that every trainable parameter gets a finite
/// gradient from it. The learner must live on an autodiff device.
///
/// # Errors
///
/// The first violation found.
pub fn check_learner<M: Learner>(learner: &M, batch: M::Batch) -> Result<(), ContractViolation> {
    let loss = learner.loss(batch);
    expect_shape("loss", loss.dims(), [1])?;
    let value = loss.clone().try_into_vec_as::<f32>();
    if !value.is_ok_and(|v| v.iter().all(|x| x.is_finite())) {
        return Err(ContractViolation::NotFinite {
            what: "loss".into(),
        });
    }
    let mut visitor = GradientVisitor {
        gradients: loss.backward(),
        path: Vec::new(),
        violation: None,
    };
    learner.visit(&mut visitor);
    visitor.violation.map_or(Ok(()), Err)
}

/// Saves `module` to bytes, loads them into `fresh` and compares all parameters and statistics bit
/// by bit.
///
/// # Errors
///
/// [`ContractViolation::RoundTrip`] says what differs.
pub fn check_round_trip<M: Module>(module: M, fresh: M) -> Result<(), ContractViolation> {
    let fail = |reason: String| ContractViolation::RoundTrip { reason };
    let mut expected = ValueVisitor::default();
    module.visit(&mut expected);
    let bytes = module
        .into_record()
        .into_bytes()
        .map_err(|e| fail(e.to_string()))?;
    let record = burn::store::ModuleRecord::from_bytes(bytes).map_err(|e| fail(e.to_string()))?;
    let loaded = fresh
        .try_load_record(record)
        .map_err(|e| fail(e.to_string()))?;
    let mut found = ValueVisitor::default();
    loaded.visit(&mut found);
    if expected.values.len() != found.values.len() {
        return Err(fail("the number of parameters differs".into()));
    }
    let pairs = expected.values.iter().zip(&found.values);
    match pairs.into_iter().find(|(a, b)| a != b) {
        Some(((path, _), _)) => Err(fail(format!("{path} changed"))),
        None => Ok(()),
    }
}

/// Collects the bits of every float parameter with its path.
#[derive(Default)]
struct ValueVisitor {
    path: Vec<String>,
    values: Vec<(String, Option<Vec<u32>>)>,
}

impl ModuleVisitor for ValueVisitor {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let flat: Tensor<1> = param.val().flatten(0, D - 1);
        let values = flat.try_into_vec_as::<f32>().ok();
        let bits = values.map(|v| v.into_iter().map(f32::to_bits).collect());
        self.values.push((self.path.join("."), bits));
    }
}

struct GradientVisitor {
    gradients: Gradients,
    path: Vec<String>,
    violation: Option<ContractViolation>,
}

impl ModuleVisitor for GradientVisitor {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.violation.is_some() || !param.is_require_grad() {
            return;
        }
        let path = self.path.join(".");
        self.violation = match param.val().grad(&self.gradients) {
            None => Some(ContractViolation::NoGradient { path }),
            Some(gradient) => {
                let flat: Tensor<1> = gradient.flatten(0, D - 1);
                let values = flat.try_into_vec_as::<f32>();
                (!values.is_ok_and(|v| v.iter().all(|x| x.is_finite()))).then(|| {
                    ContractViolation::NotFinite {
                        what: format!("the gradient of {path}"),
                    }
                })
            }
        };
    }
}

fn expect_shape<const D: usize>(
    what: &'static str,
    found: [usize; D],
    expected: [usize; D],
) -> Result<(), ContractViolation> {
    if found == expected {
        return Ok(());
    }
    Err(ContractViolation::Shape {
        what,
        expected: expected.to_vec(),
        found: found.to_vec(),
    })
}

fn to_vec(what: &str, tensor: Tensor<2>) -> Result<Vec<f32>, ContractViolation> {
    let values = tensor
        .try_into_vec_as::<f32>()
        .map_err(|e| ContractViolation::Device {
            reason: e.to_string(),
        })?;
    if values.iter().all(|v| v.is_finite()) {
        return Ok(values);
    }
    Err(ContractViolation::NotFinite { what: what.into() })
}

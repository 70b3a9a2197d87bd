//! What does not change while a table is trained.

use serde::{Deserialize, Serialize};

use super::TableError;

/// Widest prototype.
pub(super) const MAX_DIM: usize = 16_384;

/// Settings of a prototype table; kept in its file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TableConfig {
    /// Numbers of a prototype.
    pub dim: usize,
    /// Factor between cosine and logit (an inverse temperature).
    pub scale: f32,
    /// Decay of the first moment of Adam.
    pub beta1: f32,
    /// Decay of the second moment of Adam.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Seed of the first values: each row starts as a random unit vector that is a function of its cell
    /// and this number alone, whatever other rows there are.
    pub seed: u64,
}

impl TableConfig {
    /// Scale 20, Adam with 0.9, 0.999 and 1e-8: defaults of this library, since the paper names none.
    #[must_use]
    pub fn new(dim: usize) -> Self {
        Self {
            dim,
            scale: 20.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            seed: 0,
        }
    }

    pub(super) fn check(&self) -> Result<(), TableError> {
        let valid = |name, value: f64, holds: bool| {
            if holds {
                Ok(())
            } else {
                Err(TableError::Config { name, value })
            }
        };
        valid("dim", self.dim as f64, (1..=MAX_DIM).contains(&self.dim))?;
        let positive = |x: f32| x.is_finite() && x > 0.0;
        valid("scale", self.scale.into(), positive(self.scale))?;
        valid("epsilon", self.epsilon.into(), positive(self.epsilon))?;
        valid("beta1", self.beta1.into(), (0.0..1.0).contains(&self.beta1))?;
        valid("beta2", self.beta2.into(), (0.0..1.0).contains(&self.beta2))
    }
}

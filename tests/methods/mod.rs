//! The list of methods that the tests of the whole go through: every head with its losses and its
//! decoders. A new head, loss or decoder joins here, and is then combined with every encoder
//! (`combinations`), trained to an accuracy (`learnability`) and, if it states probabilities, checked
//! for them (`calibration`).

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test programs, none of which uses all; helpers fail loudly"
)]

pub(crate) mod approaches;
pub(crate) mod classes;
pub(crate) mod coordinates;
pub(crate) mod devices;
pub(crate) mod embeddings;
pub(crate) mod label_space;
pub(crate) mod separable;

use geoloc::core::{Decoder, Head, HeadConfig, Loss, TargetEncoder};

/// What the head of a configuration gives.
pub(crate) type OutputOf<C> = <<C as HeadConfig>::Head as Head>::Output;

/// A decoder with its name.
pub(crate) type Named<'a, O> = (&'a str, &'a dyn Decoder<O>);

/// Widths of the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// As small as can be built.
    Tiny,
    /// Wide enough to learn.
    Full,
}

impl Size {
    pub(crate) fn of(self, tiny: usize, full: usize) -> usize {
        match self {
            Self::Tiny => tiny,
            Self::Full => full,
        }
    }
}

/// Called with every method whose decoders need nothing but the output.
pub(crate) trait Visit {
    fn method<C, L, T>(
        &mut self,
        name: &str,
        head: &C,
        loss: L,
        targets: T,
        decoders: &[Named<'_, OutputOf<C>>],
    ) where
        C: HeadConfig,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: TargetEncoder;
}

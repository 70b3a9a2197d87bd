//! Every encoder with every head, its losses and its decoders: three training steps, saved, loaded,
//! and the same answers.
//!
//! On `flex`, and with the feature `ndarray` on that backend too.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::large_enum_variant,
    reason = "helpers of tests fail loudly and print what they check"
)]

mod batches;
mod check;
mod classes;
mod coordinates;
mod embeddings;
mod encoders;
mod ground;

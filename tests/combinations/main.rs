//! Every encoder with every head, its losses and its decoders: three training steps, saved, loaded,
//! and the same answers.
//!
//! On `flex`, with the feature `ndarray` on that backend too, and on the device that
//! `GEOLOC_TEST_DEVICE` names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::large_enum_variant,
    reason = "helpers of tests fail loudly and print what they check"
)]

mod batches;
mod check;
mod embeddings;
mod encoders;
#[path = "../methods/mod.rs"]
mod methods;

use batches::spaces;
use check::{Combined, with_every_encoder};
use methods::Size;

#[test]
fn classifiers() {
    let spaces = spaces();
    with_every_encoder(|on| {
        methods::classes::classifiers(&spaces, &mut Combined { on });
        methods::classes::cosine_classifiers(&spaces, &mut Combined { on });
    });
}

#[test]
fn several_classifiers_at_once() {
    let spaces = spaces();
    with_every_encoder(|on| {
        methods::classes::several_classifiers(&spaces, &mut Combined { on });
    });
}

#[test]
fn coordinates() {
    let spaces = spaces();
    with_every_encoder(|on| {
        methods::coordinates::coordinates(&spaces, Size::Tiny, &mut Combined { on });
    });
}

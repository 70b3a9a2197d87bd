//! Heads, and the decoders of their outputs, for image geolocalization on burn.

pub mod cell;
pub mod embedding;

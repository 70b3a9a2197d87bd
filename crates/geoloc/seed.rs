//! Seeds that are pure functions of what they are for.

pub use geoloc_core::mix;

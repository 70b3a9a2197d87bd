//! What the tags or the title of a photo say about its place (Serdyukov, Murdock and van Zwol 2009).

mod fuse;
mod model;
mod words;

pub use model::{TextPrior, TextPriorConfig, TextPriorError};
pub use words::words;

#[cfg(test)]
mod tests;

//! One expert for each kind of scene, and the scene that chooses among them (ISN, Müller-Budack,
//! Pustu-Iren and Ewerth 2018).

mod config;
mod decoder;
mod head;

pub use config::ExpertsHeadConfig;
pub use decoder::RoutedDecoder;
pub use head::ExpertsHead;

#[cfg(test)]
mod tests;

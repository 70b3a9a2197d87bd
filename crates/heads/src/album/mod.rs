//! Several photos of one trip: a hidden Markov model with a travel prior (Kalogerakis et al. 2009),
//! and a recurrent network (PlaNet, Weyand et al. 2016).

mod decoder;
mod histogram;
mod lstm;
mod markov;
mod travel;

pub use decoder::{AlbumDecoder, AlbumError, AlbumPhoto, AlbumRule};
pub use histogram::TravelHistogram;
pub use lstm::{AlbumHead, AlbumHeadConfig};
pub use travel::{SpeedMixture, TravelPrior};

#[cfg(test)]
mod tests;

//! Tells where a photo was taken.
//!
//! This is the facade of the geoloc workspace: it re-exports the crates, and adds what needs all of
//! them: the trainer, the model file, the evaluator and the shipped benchmark.
//!
//! ```no_run
//! use geoloc::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let artifact = Artifact::open("target/geoloc/quickstart/model.bpk")?;
//! let locator = load_any(&artifact, None, &Device::default())?;
//! let photo = decode_photo("photo.jpg")?;
//! for estimate in locator.locate(&[photo]) {
//!     let estimate = estimate?;
//!     println!("{}", estimate.location);
//!     println!("half of the probability within {:.0} km", estimate.radius50_km);
//!     for candidate in &estimate.candidates {
//!         println!("{} {:.1} %", candidate.location, 100.0 * candidate.probability);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! | module | what |
//! |---|---|
//! | [`geo_cells`] | places, S2 cells, distances, partitions of the world |
//! | [`datasets`] | photos, preprocessing, world imagery, splits |
//! | [`core`] | the traits: encoder, head, loss, decoder, locator |
//! | [`backbones`], [`heads`], [`losses`] | networks and what they are trained for |
//! | [`retrieval`] | exact vector search |
//! | [`metrics`] | accuracy, intervals, calibration, reports |
//! | [`trainer`], [`artifact`], [`locate`], [`evaluate`], [`baseline`] | train, save, load, use, judge |
//! | [`approach`], [`photos`], [`recipe`] | approaches by name, labelled photos, training by a recipe file |
//! | [`features`] | features of a frozen encoder, computed once |
//! | [`job`], [`output`] | what a resumable job was begun with; results that replace older ones once they are whole |
//! | [`hybrid`] | prototypes and aerial tiles fused into cell codes |
//! | [`world`] | the shipped benchmark |
//!
//! # Features
//!
//! | feature | what |
//! |---|---|
//! | `flex` (default) | burn's CPU backend |
//! | `ndarray` | burn's older CPU backend: deprecated, and much slower in training convolutions |
//! | `places` | the nearest named place and its country |
//! | `cuda` | NVIDIA GPUs |
//! | `wgpu` | Vulkan, Metal, DirectX 12 and WebGPU |
//!
//! [`Device::default()`](burn::tensor::Device) takes the fastest of those compiled in.

pub use burn;
pub use geoloc_backbones as backbones;
pub use geoloc_core as core;
pub use geoloc_datasets as datasets;
pub use geoloc_geo_cells as geo_cells;
pub use geoloc_heads as heads;
pub use geoloc_losses as losses;
pub use geoloc_metrics as metrics;
pub use geoloc_retrieval as retrieval;

pub mod approach;
pub mod artifact;
pub mod baseline;
mod epochs;
pub mod evaluate;
pub mod features;
pub mod hybrid;
pub mod images;
pub mod job;
pub mod locate;
pub mod output;
pub mod photos;
pub mod prelude;
pub mod recipe;
pub mod seed;
pub mod showcase;
pub mod trainer;
pub mod world;

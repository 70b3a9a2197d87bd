//! One file per trained system: weights, partition, gallery, preprocessing, configurations, notes.
//!
//! An artifact is a burnpack file. Its string metadata holds `geoloc.manifest`, a JSON
//! [`Manifest`], and `geoloc.sha256`, a checksum of the manifest and of every tensor. Its tensors
//! are named `<component>/<part>` with the parts
//!
//! | part | what |
//! |---|---|
//! | `weights/<path>` | a parameter of a module, by its path in the module |
//! | `partition` | bytes of [`Partition::to_bytes`](crate::geo_cells::Partition::to_bytes) |
//! | `hierarchy`, `geoclasses` | bytes of nested partitions and of class sets |
//! | `gallery/embeddings` | f32 `[n, dim]` |
//! | `gallery/places` | f64 `[n, 2]`, latitude and longitude in degrees |
//! | `domain` | JSON of [`DomainStatistics`](crate::locate::DomainStatistics), where the file has them |
//! | `<part>#scale` | f32 `[rows]` of a part stored as int8 by [`Artifact::compact`] |
//!
//! Components are open: a downstream crate stores its own modules with [`Artifact::insert_module`]
//! and its own settings with [`Artifact::insert_component`].

mod compact;
mod error;
mod file;
mod manifest;
mod parts;

pub use error::ArtifactError;
pub use file::Artifact;
pub use manifest::{Component, FORMAT_VERSION, Manifest};

#[cfg(test)]
mod tests;

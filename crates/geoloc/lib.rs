//! Facade (in progress).
pub use burn;
pub use geoloc_backbones as backbones;
pub use geoloc_core as core;
pub use geoloc_datasets as datasets;
pub use geoloc_geo_cells as geo_cells;
pub use geoloc_heads as heads;
pub use geoloc_losses as losses;
pub use geoloc_metrics as metrics;
pub use geoloc_retrieval as retrieval;

pub mod artifact;
pub mod baseline;
pub mod evaluate;
pub mod images;
pub mod locate;
pub mod seed;
pub mod showcase;
pub mod trainer;
pub mod world;

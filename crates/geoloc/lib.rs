//! Facade (in progress).
pub use burn;
pub use geoloc_backbones as backbones;
pub use geoloc_core as core;
pub use geoloc_datasets as datasets;
pub use geoloc_geo_cells as geo_cells;
pub use geoloc_heads as heads;
pub use geoloc_losses as losses;
pub mod seed;
pub mod trainer;

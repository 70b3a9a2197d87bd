//! Facade (in progress).
pub use burn;
pub use geoloc_backbones as backbones;
pub use geoloc_core as core;
pub use geoloc_geo_cells as geo_cells;
pub mod seed;
pub mod trainer;

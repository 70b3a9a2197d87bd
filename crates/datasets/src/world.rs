//! The imagery shipped with the crate, decoded once and shared.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{EquirectangularRaster, RasterError, SurfaceMap};

/// One of the two ways in which the shipped benchmark shows the Earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// The "photo": shaded relief, drawn from elevation and land-cover colours.
    Query,
    /// The gallery from above: NASA Blue Marble of the northern summer, seen by satellite.
    Aerial,
}

impl View {
    /// The imagery of this view.
    ///
    /// # Errors
    ///
    /// As [`relief`].
    pub fn raster(self) -> Result<Arc<EquirectangularRaster>, RasterError> {
        match self {
            Self::Query => relief(),
            Self::Aerial => summer(),
        }
    }
}

macro_rules! shipped {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        ///
        /// Decoded at the first call, then shared.
        ///
        /// # Errors
        ///
        /// [`RasterError`] if the shipped file does not decode.
        pub fn $name() -> Result<Arc<EquirectangularRaster>, RasterError> {
            static CACHE: Mutex<Option<Arc<EquirectangularRaster>>> = Mutex::new(None);
            cached(&CACHE, || {
                let bytes = include_bytes!(concat!("../assets/world/", $file));
                EquirectangularRaster::from_encoded($file, bytes)
            })
        }
    };
}

shipped!(
    /// NASA Blue Marble of the northern summer, 5400 x 2700 (7.4 km a pixel).
    summer, "summer.jpg"
);
shipped!(
    /// Shaded relief by Tom Patterson, 5400 x 2700 (7.4 km a pixel).
    relief, "relief.jpg"
);
shipped!(
    /// NASA Blue Marble of the northern spring, 4096 x 2048 (9.8 km a pixel).
    spring, "spring.jpg"
);
shipped!(
    /// Natural Earth II, 2048 x 1024 (19.5 km a pixel).
    natural_earth, "natural_earth.jpg"
);

/// Water, land and permanent ice, 3600 x 1800 (0.1 degree).
///
/// Decoded at the first call, then shared.
///
/// # Errors
///
/// [`RasterError`] if the shipped file does not decode.
pub fn surface() -> Result<Arc<SurfaceMap>, RasterError> {
    static CACHE: Mutex<Option<Arc<SurfaceMap>>> = Mutex::new(None);
    cached(&CACHE, || {
        SurfaceMap::from_encoded("surface.png", include_bytes!("../assets/world/surface.png"))
    })
}

/// What the cache holds, or what `make` makes; two threads never make the same thing at once.
fn cached<T>(
    cache: &Mutex<Option<Arc<T>>>,
    make: impl FnOnce() -> Result<T, RasterError>,
) -> Result<Arc<T>, RasterError> {
    let mut slot = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = slot.as_ref() {
        return Ok(Arc::clone(found));
    }
    let made = Arc::new(make()?);
    *slot = Some(Arc::clone(&made));
    Ok(made)
}

//! All distances between two lists of places.
//!
//! The great-circle distance from the squared chord by a polynomial arcsine, without branches, so
//! that compilers use vector registers; the instruction set is chosen at run time.
#![allow(
    clippy::inline_always,
    reason = "must be compiled anew inside each function with its own instruction set"
)]

use thiserror::Error;

use super::EARTH_RADIUS_KM;
use crate::LatLng;
use crate::kernels::{self, Kernel};

/// The output of a distance matrix has the wrong length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a matrix of {rows} x {columns} distances does not fit into {length} numbers")]
#[non_exhaustive]
pub struct DistanceMatrixError {
    /// Number of places of the first list.
    pub rows: usize,
    /// Number of places of the second list.
    pub columns: usize,
    /// Length of the output.
    pub length: usize,
}

/// Unit vectors, one coordinate after the other.
pub(crate) struct Columns<T> {
    x: Vec<T>,
    y: Vec<T>,
    z: Vec<T>,
}

impl Columns<f64> {
    fn of(places: &[LatLng]) -> Self {
        let n = places.len();
        let (mut x, mut y, mut z) = (
            Vec::with_capacity(n),
            Vec::with_capacity(n),
            Vec::with_capacity(n),
        );
        for p in places {
            let u = p.to_unit_vector();
            x.push(u[0]);
            y.push(u[1]);
            z.push(u[2]);
        }
        Self { x, y, z }
    }

    fn narrow(&self) -> Columns<f32> {
        let f32s = |v: &[f64]| v.iter().map(|&x| x as f32).collect();
        Columns {
            x: f32s(&self.x),
            y: f32s(&self.y),
            z: f32s(&self.z),
        }
    }
}

/// Great-circle distances in km from each of `a` to each of `b`, on the mean sphere.
///
/// Within 1 mm of [`haversine_km`](super::haversine_km), near the antipode within 0.3 m.
///
/// # Shapes
///
/// `out` is `[a, b]`, row-major: the distance of `a[i]` and `b[j]` is `out[i * b.len() + j]`.
///
/// # Errors
///
/// [`DistanceMatrixError`] if `out` does not have `a.len() * b.len()` elements.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::{LatLng, distance_matrix_km, haversine_km};
///
/// let a = [LatLng::new(48.8566, 2.3522)?, LatLng::new(0.0, 0.0)?];
/// let b = [LatLng::new(51.5074, -0.1278)?];
/// let mut km = [0.0; 2];
/// distance_matrix_km(&a, &b, &mut km)?;
/// assert!((km[0] - haversine_km(a[0], b[0])).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn distance_matrix_km(
    a: &[LatLng],
    b: &[LatLng],
    out: &mut [f64],
) -> Result<(), DistanceMatrixError> {
    distance_matrix_km_with(Kernel::detect(), a, b, out)
}

/// As [`distance_matrix_km`], with a chosen kernel: for measurements and tests. Kernels may differ
/// in the last digits.
///
/// # Errors
///
/// As [`distance_matrix_km`].
pub fn distance_matrix_km_with(
    kernel: Kernel,
    a: &[LatLng],
    b: &[LatLng],
    out: &mut [f64],
) -> Result<(), DistanceMatrixError> {
    check(a, b, out.len())?;
    let (a, b) = (Columns::of(a), Columns::of(b));
    kernels::distances_f64(kernel, &a, &b, out);
    Ok(())
}

/// As [`distance_matrix_km`] in f32, faster still: right to 1 m for places up to 100 km
/// apart, to a few km near the antipode.
///
/// # Errors
///
/// As [`distance_matrix_km`].
pub fn distance_matrix_f32_km(
    a: &[LatLng],
    b: &[LatLng],
    out: &mut [f32],
) -> Result<(), DistanceMatrixError> {
    check(a, b, out.len())?;
    let (a, b) = (Columns::of(a).narrow(), Columns::of(b).narrow());
    kernels::distances_f32(Kernel::detect(), &a, &b, out);
    Ok(())
}

fn check(a: &[LatLng], b: &[LatLng], length: usize) -> Result<(), DistanceMatrixError> {
    if a.len().checked_mul(b.len()) == Some(length) {
        return Ok(());
    }
    Err(DistanceMatrixError {
        rows: a.len(),
        columns: b.len(),
        length,
    })
}

/// asin(t) = t + t z P(z), z = t² in [0, 1/4]: interpolated at Chebyshev nodes, relative error
/// 5.5e-17.
const ASIN_F64: [f64; 12] = [
    0.166_666_666_666_666_5,
    0.075_000_000_000_207_64,
    0.044_642_857_103_423_64,
    0.030_381_947_367_098_48,
    0.022_372_047_631_744_51,
    0.017_355_259_955_786_32,
    0.013_929_652_902_326_633,
    0.011_875_494_382_636_92,
    0.007_802_949_477_353_317,
    0.016_035_514_349_148_82,
    -0.010_749_050_339_697_81,
    0.028_169_218_060_881_41,
];

/// The same with relative error 9.6e-10.
const ASIN_F32: [f32; 6] = [
    0.166_666_66,
    0.075_000_95,
    0.044_599_4,
    0.031_100_66,
    0.017_149_24,
    0.033_690_85,
];

macro_rules! rows {
    ($name:ident, $float:ty, $coefficients:expr, $half_pi:expr) => {
        /// Distances of each of `a` to each of `b`; `out` has as many elements.
        #[inline(always)]
        pub(crate) fn $name<const FMA: bool>(
            a: &Columns<$float>,
            b: &Columns<$float>,
            out: &mut [$float],
        ) {
            const DIAMETER: $float = (2.0 * EARTH_RADIUS_KM) as $float;
            #[inline(always)]
            fn mul_add<const FMA: bool>(a: $float, b: $float, c: $float) -> $float {
                if FMA { a.mul_add(b, c) } else { a * b + c }
            }
            if b.x.is_empty() {
                return;
            }
            for (((out, &ax), &ay), &az) in out
                .chunks_exact_mut(b.x.len())
                .zip(&a.x)
                .zip(&a.y)
                .zip(&a.z)
            {
                for (((out, &bx), &by), &bz) in out.iter_mut().zip(&b.x).zip(&b.y).zip(&b.z) {
                    let (dx, dy, dz) = (ax - bx, ay - by, az - bz);
                    let squared = mul_add::<FMA>(dx, dx, mul_add::<FMA>(dy, dy, dz * dz));
                    // Half the chord is the sine of half the angle.
                    let square = (0.25 * squared).min(1.0);
                    let sine = square.sqrt();
                    // Above 1/2: asin(x) = π/2 - 2 asin(sqrt((1 - x) / 2)).
                    let large = sine > 0.5;
                    let z = if large { 0.5 * (1.0 - sine) } else { square };
                    let t = if large { z.sqrt() } else { sine };
                    let mut polynomial: $float = 0.0;
                    for c in $coefficients.iter().rev() {
                        polynomial = mul_add::<FMA>(polynomial, z, *c);
                    }
                    let angle = mul_add::<FMA>(t * z, polynomial, t);
                    let angle = if large { $half_pi - 2.0 * angle } else { angle };
                    *out = DIAMETER * angle;
                }
            }
        }
    };
}

rows!(rows_f64, f64, ASIN_F64, std::f64::consts::FRAC_PI_2);
rows!(rows_f32, f32, ASIN_F32, std::f32::consts::FRAC_PI_2);

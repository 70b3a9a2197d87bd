//! Metrics, statistics and reports for image geolocalization.
//!
//! Burn-free: everything works on [`LatLng`](geoloc_geo_cells::LatLng), plain numbers and labels, so the crate also
//! scores predictions that were made elsewhere. Three rules hold throughout:
//!
//! - **A failure is a miss.** A query without a prediction (or with a NaN distance) stays in every denominator;
//!   `n` and `failures` stand beside every share.
//! - **Conventions travel with the numbers.** Radius, `<` or `<=`, score constants, tie policy and the bootstrap seed
//!   are a [`Conventions`] value that each [`Report`] records.
//! - **Nothing panics.** Empty input, unequal lengths and non-finite values give a [`MetricError`] or the documented
//!   result.
//!
//! # Examples
//!
//! ```
//! use geoloc_geo_cells::LatLng;
//! use geoloc_metrics::{Conventions, DistanceSummary, STANDARD_RADII_KM};
//!
//! let paris = LatLng::new(48.8566, 2.3522)?;
//! let london = LatLng::new(51.5074, -0.1278)?;
//! let truth = [paris, paris, paris, paris];
//! let predicted = [Some(paris), Some(london), Some(london), None];
//!
//! let conventions = Conventions::default();
//! let summary = DistanceSummary::from_places(&truth, &predicted, &STANDARD_RADII_KM, &conventions)?;
//! assert_eq!((summary.n, summary.failures), (4, 1));
//! assert_eq!(summary.share_within(25.0), Some(0.25));
//! assert_eq!(summary.share_within(750.0), Some(0.75));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bootstrap;
mod calibration;
mod classification;
mod conventions;
mod distances;
mod error;
mod labels;
mod prdc;
mod quantile;
mod ranks;
mod regions;
mod report;
mod retrieval_summary;
mod rng;
mod selective;
mod significance;
mod slices;
mod table;
mod temperature;
mod top_k;

pub use bootstrap::{Bootstrap, Interval, Measure, mean_measure};
pub use calibration::{CALIBRATION_BINS, Reliability, ReliabilityBin, brier_score, log_loss};
pub use classification::{Average, ClassScores, ConfusionMatrix};
pub use conventions::{Comparison, Conventions, DistanceRule, GeoScoreRule, TiePolicy};
pub use distances::{DistanceSummary, Percentile, STANDARD_RADII_KM, WithinRadius, distances_km};
pub use error::MetricError;
pub use labels::LabelAccuracy;
pub use prdc::Prdc;
pub use quantile::quantile_sorted;
pub use ranks::{
    Rank, first_hit_by_distance, has_positive, mean_reciprocal_rank, recall_at, recall_by_distance,
};
pub use regions::{
    Conformal, RecallVsArea, area_to_truth_km2, conformity_score, prediction_density,
};
pub use report::{
    Certainty, ClassSummary, Curve, CurvePoint, Gallery, GalleryImage, GalleryItem, HtmlReport,
    MethodReport, PairedComparison, Prediction, REPORT_FORMAT, REPORT_VERSION, Report, ReportError,
    Role, WithinComparison,
};
pub use retrieval_summary::{RecallAt, RetrievalSummary};
pub use rng::SplitMix64;
pub use selective::RiskCoverage;
pub use significance::{CoinTest, mcnemar_test, paired_difference, permutation_test, sign_test};
pub use slices::{Slice, Slices};
pub use table::ScoreTable;
pub use temperature::Temperature;
pub use top_k::{NoPositives, average_precision_at, mean_over_queries, top_k_accuracy};

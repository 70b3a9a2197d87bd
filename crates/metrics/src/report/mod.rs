//! The report of an evaluation: `report.json` for programs, `report.html` for people.

mod certainty;
mod classes;
mod comparison;
mod error;
mod html;
mod json;
mod method;
mod schema;
mod verify;

pub use certainty::Certainty;
pub use classes::ClassSummary;
pub use comparison::{PairedComparison, WithinComparison};
pub use error::ReportError;
pub use html::{Gallery, GalleryImage, GalleryItem, HtmlReport};
pub use method::{MethodReport, Prediction, Role};
pub use schema::{Curve, CurvePoint, REPORT_FORMAT, REPORT_VERSION, Report};

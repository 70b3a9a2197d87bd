//! What can go wrong with a report.

use std::path::PathBuf;

use thiserror::Error;

use crate::MetricError;

/// Why a report cannot be made, read, drawn or trusted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A metric could not be computed.
    #[error("method \"{method}\": {source}")]
    Metric {
        /// Name of the method.
        method: String,
        /// The cause.
        source: MetricError,
    },
    /// Two methods of one report carry the same name.
    #[error("two methods are named \"{name}\"")]
    DuplicateMethod {
        /// The name.
        name: String,
    },
    /// No method of the report carries that name.
    #[error("no method is named \"{name}\"")]
    NoMethod {
        /// The name.
        name: String,
    },
    /// Two methods that are to be compared did not answer the same queries.
    #[error(
        "\"{first}\" and \"{second}\" cannot be compared: query \"{id}\" is in one of them only, or twice"
    )]
    Unpaired {
        /// Name of the first method.
        first: String,
        /// Name of the second method.
        second: String,
        /// A query that has no partner.
        id: String,
    },
    /// The text is not JSON of the schema.
    #[error("not a report: {source}")]
    Json {
        /// The cause, with line and column.
        #[from]
        source: serde_json::Error,
    },
    /// JSON, but not a report of this library.
    #[error("format is \"{found}\", expected \"geoloc-report\"")]
    Format {
        /// The format named in the file.
        found: String,
    },
    /// The report was written by a newer library.
    #[error("report version {found}, this library reads up to {supported}")]
    Version {
        /// Version in the file.
        found: u32,
        /// Newest version that can be read.
        supported: u32,
    },
    /// A stored number does not follow from the listed predictions.
    #[error(
        "method \"{method}\": {what} is {stored} in the report, {computed} from its predictions"
    )]
    Disagreement {
        /// Name of the method.
        method: String,
        /// Which number, as a path such as `within 25 km` or `prediction "id": distance_km`.
        what: String,
        /// The number in the report.
        stored: String,
        /// The number recomputed.
        computed: String,
    },
    /// An image for the gallery is neither JPEG nor PNG.
    #[error("image \"{label}\" of \"{item}\" is neither JPEG nor PNG")]
    Image {
        /// Title of the gallery item.
        item: String,
        /// Label of the image.
        label: String,
    },
    /// A chart could not be drawn.
    #[error("chart \"{chart}\": {reason}")]
    Chart {
        /// Which chart.
        chart: &'static str,
        /// What the drawing library said.
        reason: String,
    },
    /// A file could not be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

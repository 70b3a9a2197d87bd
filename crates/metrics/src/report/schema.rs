//! `report.json`: its schema, writing and reading.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Conventions, MethodReport, PairedComparison, ReportError};

/// The value of the key `format` in every report.
pub const REPORT_FORMAT: &str = "geoloc-report";

/// The version of the schema that this library writes, and the newest that it reads.
///
/// Fields may be added within a version; a change of meaning or a removal raises it.
pub const REPORT_VERSION: u32 = 1;

/// One point of a loss curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Number of training steps done.
    pub step: u64,
    /// Training loss there, where it was finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_loss: Option<f64>,
    /// Validation loss there, where it was measured and finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
}

/// The loss of one model over its training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Name of the model.
    pub name: String,
    /// Points in the order of their steps.
    pub points: Vec<CurvePoint>,
}

impl Curve {
    /// A curve from `(step, training loss, validation loss)`; losses that are not finite are left out.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        points: impl IntoIterator<Item = (u64, Option<f64>, Option<f64>)>,
    ) -> Self {
        let finite = |loss: Option<f64>| loss.filter(|l| l.is_finite());
        Self {
            name: name.into(),
            points: points
                .into_iter()
                .map(|(step, train, validation)| CurvePoint {
                    step,
                    train_loss: finite(train),
                    validation_loss: finite(validation),
                })
                .collect(),
        }
    }
}

/// The report of an evaluation.
///
/// This crate puts nothing into it that differs between two runs of the same seed, neither dates nor durations, so
/// that equal runs write equal bytes, unless the caller adds such figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: String,
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// Title.
    pub title: String,
    /// One paragraph on what was evaluated.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The conventions of every number in the report.
    pub conventions: Conventions,
    /// Seed, sizes and other settings of the run.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Methods, baselines and ceilings, in the order of the table.
    pub methods: Vec<MethodReport>,
    /// Paired comparisons of methods; see [`compare`](Self::compare).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<PairedComparison>,
    /// Loss curves.
    #[serde(default)]
    pub curves: Vec<Curve>,
    /// Remarks for the reader.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(title: impl Into<String>, conventions: Conventions) -> Self {
        Self {
            format: REPORT_FORMAT.to_owned(),
            version: REPORT_VERSION,
            title: title.into(),
            summary: String::new(),
            conventions,
            settings: BTreeMap::new(),
            methods: Vec::new(),
            comparisons: Vec::new(),
            curves: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a method.
    ///
    /// # Errors
    ///
    /// [`ReportError::DuplicateMethod`] if the name is taken.
    pub fn push_method(&mut self, method: MethodReport) -> Result<(), ReportError> {
        if self.method(&method.name).is_some() {
            return Err(ReportError::DuplicateMethod { name: method.name });
        }
        self.methods.push(method);
        Ok(())
    }

    /// Records a setting; a second value for a key replaces the first.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "numbers and literals read better without an ampersand"
    )]
    pub fn set(&mut self, key: impl Into<String>, value: impl ToString) {
        self.settings.insert(key.into(), value.to_string());
    }

    /// The method of that name.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&MethodReport> {
        self.methods.iter().find(|m| m.name == name)
    }

    /// The report as JSON text: indented, one line for each prediction, ending in a newline.
    ///
    /// # Errors
    ///
    /// [`ReportError::Json`] if serialisation fails.
    pub fn to_json(&self) -> Result<String, ReportError> {
        Ok(super::json::to_text(self)?)
    }

    /// Reads a report from JSON text.
    ///
    /// # Errors
    ///
    /// [`ReportError::Json`] for text outside the schema, [`ReportError::Format`] for another format,
    /// [`ReportError::Version`] for a version newer than [`REPORT_VERSION`].
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.format != REPORT_FORMAT {
            return Err(ReportError::Format { found: head.format });
        }
        if head.version > REPORT_VERSION {
            return Err(ReportError::Version {
                found: head.version,
                supported: REPORT_VERSION,
            });
        }
        Ok(serde_json::from_str(text)?)
    }

    /// Writes `report.json`, through a temporary file beside it so that an interrupted run leaves no half report.
    ///
    /// # Errors
    ///
    /// [`ReportError::Io`] with the path, [`ReportError::Json`].
    pub fn write_json(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        write_whole(path.as_ref(), &self.to_json()?)
    }

    /// Reads `report.json`.
    ///
    /// # Errors
    ///
    /// [`ReportError::Io`] with the path, or as [`from_json`](Self::from_json).
    pub fn read_json(path: impl AsRef<Path>) -> Result<Self, ReportError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| ReportError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::from_json(&text)
    }
}

/// Writes a file so that it is either the old or the new one, never half of it.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), ReportError> {
    let io = |source| ReportError::Io {
        path: path.to_owned(),
        source,
    };
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, text).map_err(io)?;
    std::fs::rename(&partial, path).map_err(io)
}

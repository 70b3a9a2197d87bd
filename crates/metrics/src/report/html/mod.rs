//! `report.html`: one file that opens without a network.
//!
//! Style, charts, map and images are inside the file, there is no script, and a content security policy in its head
//! forbids the browser to fetch anything. Every text of the caller is escaped.

mod certainty;
mod charts;
mod comparisons;
mod confusions;
mod drawing;
mod figures;
mod gallery;
mod losses;
mod map;
mod page;
mod projection;
mod slices;
mod tables;
mod text;

use std::path::Path;

pub use gallery::{Gallery, GalleryImage, GalleryItem};

use super::schema::write_whole;
use crate::{Report, ReportError};

/// Draws a [`Report`] as a self-contained HTML page.
///
/// # Examples
///
/// ```
/// use geoloc_geo_cells::LatLng;
/// use geoloc_metrics::{Conventions, HtmlReport, MethodReport, Prediction, Report, Role};
///
/// let conventions = Conventions::default();
/// let paris = LatLng::new(48.8566, 2.3522)?;
/// let london = LatLng::new(51.5074, -0.1278)?;
/// let predictions = vec![Prediction::new("<b>.jpg", paris, Some(london))];
/// let method = MethodReport::evaluate("cells", Role::Method, predictions, &[25.0, 750.0], &conventions)?;
///
/// let mut report = Report::new("Two cities", conventions);
/// report.push_method(method)?;
/// let html = HtmlReport::new(&report).render()?;
/// assert!(html.contains("&lt;b&gt;.jpg") && !html.contains("<b>.jpg"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HtmlReport<'a> {
    report: &'a Report,
    galleries: Vec<Gallery>,
}

impl<'a> HtmlReport<'a> {
    /// A page for `report` without pictures.
    #[must_use]
    pub fn new(report: &'a Report) -> Self {
        Self {
            report,
            galleries: Vec::new(),
        }
    }

    /// Adds a gallery below those added before.
    #[must_use]
    pub fn with_gallery(mut self, gallery: Gallery) -> Self {
        self.galleries.push(gallery);
        self
    }

    /// The page as text.
    ///
    /// # Errors
    ///
    /// [`ReportError::Image`] for an image that is neither JPEG nor PNG, [`ReportError::Chart`] if a chart cannot be
    /// drawn.
    pub fn render(&self) -> Result<String, ReportError> {
        page::render(self.report, &self.galleries)
    }

    /// Writes the page, through a temporary file beside it.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render), and [`ReportError::Io`] with the path.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        write_whole(path.as_ref(), &self.render()?)
    }
}

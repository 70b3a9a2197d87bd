//! Pictures of single queries, such as the easiest and the hardest.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use geoloc_geo_cells::LatLng;

use super::text::{escape, km};
use crate::ReportError;

/// An encoded image with a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalleryImage {
    /// A word or two below the image, such as `query`.
    pub label: String,
    /// The bytes of a JPEG or PNG file.
    pub bytes: Vec<u8>,
}

/// One query with its images.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GalleryItem {
    /// Title, such as the id of the query.
    pub title: String,
    /// A sentence below it.
    pub caption: String,
    /// Where it was taken.
    pub truth: Option<LatLng>,
    /// Where the method says.
    pub predicted: Option<LatLng>,
    /// Error in km.
    pub distance_km: Option<f64>,
    /// Images side by side.
    pub images: Vec<GalleryImage>,
}

/// A row of queries under one heading, such as "Hardest queries".
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gallery {
    /// Heading.
    pub title: String,
    /// Queries in the order shown.
    pub items: Vec<GalleryItem>,
}

/// The galleries as HTML.
pub(super) fn galleries(galleries: &[Gallery]) -> Result<String, ReportError> {
    let mut out = String::new();
    for gallery in galleries.iter().filter(|g| !g.items.is_empty()) {
        let _ = write!(
            out,
            "<h3>{}</h3><div class=\"gallery\">",
            escape(&gallery.title)
        );
        for item in &gallery.items {
            push_item(&mut out, item)?;
        }
        out.push_str("</div>");
    }
    Ok(out)
}

fn push_item(out: &mut String, item: &GalleryItem) -> Result<(), ReportError> {
    out.push_str("<article><div class=\"images\">");
    for image in &item.images {
        let Some(kind) = media_type(&image.bytes) else {
            return Err(ReportError::Image {
                item: item.title.clone(),
                label: image.label.clone(),
            });
        };
        let label = escape(&image.label);
        let _ = write!(
            out,
            "<figure><img alt=\"{label}\" src=\"data:{kind};base64,{}\"><figcaption>{label}</figcaption></figure>",
            STANDARD.encode(&image.bytes)
        );
    }
    let _ = write!(out, "</div><h4>{}", escape(&item.title));
    if let Some(distance) = item.distance_km {
        let _ = write!(out, "<b>{}</b>", km(distance));
    }
    out.push_str("</h4>");
    if !item.caption.is_empty() {
        let _ = write!(out, "<p>{}</p>", escape(&item.caption));
    }
    for (label, place) in [("true", item.truth), ("predicted", item.predicted)] {
        if let Some(place) = place {
            let _ = write!(
                out,
                "<p class=\"place\"><span>{label}</span>{:.3}, {:.3}</p>",
                place.lat(),
                place.lng()
            );
        }
    }
    out.push_str("</article>");
    Ok(())
}

/// The media type that the first bytes of a file tell.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        Some("image/jpeg")
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else {
        None
    }
}

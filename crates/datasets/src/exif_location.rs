//! The position and the orientation in a photo's EXIF data.

use std::io::Cursor;

use exif::{Exif, In, Tag, Value};
use geoloc_geo_cells::LatLng;

/// Where a photo's EXIF data say it was taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ExifLocation {
    /// There are no EXIF data, or they hold no position.
    #[default]
    Absent,
    /// The position.
    Found(LatLng),
    /// There is a position that cannot be used.
    Malformed {
        /// Why, for a person to read.
        reason: String,
    },
}

impl ExifLocation {
    /// Why there is no position; `None` if there is a good one.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Found(_) => None,
            Self::Absent => Some("no place in its EXIF data"),
            Self::Malformed { reason } => Some(reason),
        }
    }

    /// The position, if there is a good one.
    #[must_use]
    pub fn location(&self) -> Option<LatLng> {
        match self {
            Self::Found(place) => Some(*place),
            Self::Absent | Self::Malformed { .. } => None,
        }
    }
}

/// What this crate uses of EXIF.
#[derive(Debug, Default)]
pub(crate) struct ExifFacts {
    pub(crate) orientation: Option<u32>,
    pub(crate) location: ExifLocation,
}

/// Reads the EXIF data of a JPEG, PNG or WebP file; damaged fields do not hide the others.
pub(crate) fn read_exif(bytes: &[u8]) -> ExifFacts {
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    let exif = match reader.read_from_container(&mut Cursor::new(bytes)) {
        Ok(exif) => exif,
        Err(error) => match error.distill_partial_result(|_| {}) {
            Ok(exif) => exif,
            Err(exif::Error::NotFound(_) | exif::Error::InvalidFormat("Unknown image format")) => {
                return ExifFacts::default();
            }
            Err(error) => {
                return ExifFacts {
                    orientation: None,
                    location: ExifLocation::Malformed {
                        reason: format!("the EXIF data cannot be read: {error}"),
                    },
                };
            }
        },
    };
    let orientation = exif.get_field(Tag::Orientation, In::PRIMARY);
    ExifFacts {
        orientation: orientation.and_then(|f| f.value.get_uint(0)),
        location: location(&exif).unwrap_or_else(|reason| ExifLocation::Malformed { reason }),
    }
}

fn location(exif: &Exif) -> Result<ExifLocation, String> {
    let latitude = angle(exif, Tag::GPSLatitude, "latitude", 90.0)?;
    let longitude = angle(exif, Tag::GPSLongitude, "longitude", 180.0)?;
    let (lat, lng) = match (latitude, longitude) {
        (None, None) => return Ok(ExifLocation::Absent),
        (Some(_), None) => return Err("there is a latitude but no longitude".into()),
        (None, Some(_)) => return Err("there is a longitude but no latitude".into()),
        (Some(lat), Some(lng)) => (lat, lng),
    };
    let lat = lat * sign(exif, Tag::GPSLatitudeRef, "latitude", b'N', b'S')?;
    let lng = lng * sign(exif, Tag::GPSLongitudeRef, "longitude", b'E', b'W')?;
    if lat == 0.0 && lng == 0.0 {
        return Err("the position is 0, 0, which cameras write when they have none".into());
    }
    LatLng::new(lat, lng)
        .map(ExifLocation::Found)
        .map_err(|e| e.to_string())
}

/// Degrees, minutes and seconds as degrees; minutes and seconds may be missing. The standard wants
/// unsigned fractions; some phones write signed ones.
fn angle(exif: &Exif, tag: Tag, name: &str, limit: f64) -> Result<Option<f64>, String> {
    let Some(field) = exif.get_field(tag, In::PRIMARY) else {
        return Ok(None);
    };
    let parts: Vec<(i64, i64)> = match &field.value {
        Value::Rational(parts) => parts
            .iter()
            .map(|p| (p.num.into(), p.denom.into()))
            .collect(),
        Value::SRational(parts) => parts
            .iter()
            .map(|p| (p.num.into(), p.denom.into()))
            .collect(),
        _ => return Err(format!("the {name} is not made of fractions")),
    };
    if parts.is_empty() || parts.len() > 3 {
        return Err(format!(
            "the {name} has {} numbers instead of 3",
            parts.len()
        ));
    }
    let mut degrees = 0.0;
    let mut finer_than = None;
    for ((num, denom), (unit, inverse)) in parts.into_iter().zip(UNITS) {
        if denom == 0 {
            // Some cameras write 0/0 for minutes and seconds that they do not measure.
            if num != 0 || unit == "degrees" {
                return Err(format!("the {unit} of the {name} are the fraction {num}/0"));
            }
            continue;
        }
        let value = num as f64 / denom as f64;
        if value < 0.0 {
            return Err(format!(
                "the {name} has {value} {unit}, below 0: its sign belongs into the letter"
            ));
        }
        if unit != "degrees" && value > 60.0 {
            return Err(format!("the {name} has {value} {unit}, more than 60"));
        }
        if let Some((coarser, found)) = finer_than
            && value > 0.0
        {
            return Err(format!(
                "the {name} has {found} {coarser} and {value} {unit} besides"
            ));
        }
        if num % denom != 0 {
            finer_than = Some((unit, value));
        }
        degrees += value / inverse;
    }
    if degrees > limit {
        return Err(format!("the {name} of {degrees} degrees is above {limit}"));
    }
    Ok(Some(degrees))
}

/// Units of the three numbers, and how many of each make a degree.
const UNITS: [(&str, f64); 3] = [("degrees", 1.0), ("minutes", 60.0), ("seconds", 3600.0)];

fn sign(exif: &Exif, tag: Tag, name: &str, plus: u8, minus: u8) -> Result<f64, String> {
    let letter = exif
        .get_field(tag, In::PRIMARY)
        .and_then(|f| match &f.value {
            Value::Ascii(texts) => texts.first()?.first().map(u8::to_ascii_uppercase),
            _ => None,
        });
    match letter {
        Some(l) if l == plus => Ok(1.0),
        Some(l) if l == minus => Ok(-1.0),
        _ => Err(format!(
            "the {name} does not say {} or {}",
            char::from(plus),
            char::from(minus)
        )),
    }
}

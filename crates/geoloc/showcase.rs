//! Pictures for the report: which queries were easy and which were hard.

use crate::core::Photo;
use crate::evaluate::LocatedPhoto;
use crate::images::{EncodeError, encode_png};
use crate::metrics::{Gallery, GalleryImage, GalleryItem, MethodReport, Prediction};

/// Two galleries of `count` queries each: the answers with the least and with the largest error.
///
/// `photos` are the queries of `method` in its order; `more` adds further pictures to query `i`,
/// such as what was found and what should have been, with their labels.
///
/// # Errors
///
/// [`EncodeError`] if a picture cannot be encoded, or whatever `more` fails with.
pub fn easy_and_hard<E: From<EncodeError>>(
    method: &MethodReport,
    photos: &[LocatedPhoto],
    count: usize,
    mut more: impl FnMut(usize) -> Result<Vec<(String, Photo)>, E>,
) -> Result<[Gallery; 2], E> {
    let mut order: Vec<(usize, &Prediction)> = method.predictions.iter().enumerate().collect();
    let error = |p: &Prediction| p.distance_km.unwrap_or(f64::INFINITY);
    order.sort_by(|(_, a), (_, b)| error(a).total_cmp(&error(b)));
    let mut gallery = |title: String, picked: Vec<&(usize, &Prediction)>| {
        let items = picked
            .into_iter()
            .filter_map(|&(i, prediction)| Some((i, prediction, photos.get(i)?)))
            .map(|(i, prediction, query)| {
                let mut images = vec![GalleryImage {
                    label: "query".into(),
                    bytes: encode_png(&query.photo)?,
                }];
                for (label, photo) in more(i)? {
                    images.push(GalleryImage {
                        label,
                        bytes: encode_png(&photo)?,
                    });
                }
                Ok(item(prediction, images))
            })
            .collect::<Result<Vec<_>, E>>()?;
        Ok::<_, E>(Gallery { title, items })
    };
    let easy = gallery(
        format!("{}: least errors", method.name),
        order.iter().take(count).collect(),
    )?;
    let hard = gallery(
        format!("{}: largest errors", method.name),
        order.iter().rev().take(count).collect(),
    )?;
    Ok([easy, hard])
}

fn item(prediction: &Prediction, images: Vec<GalleryImage>) -> GalleryItem {
    let caption = match (prediction.probability, prediction.radius50_km) {
        (Some(p), Some(radius)) => {
            format!("probability {p:.2}, half of it within {radius:.0} km")
        }
        _ => String::new(),
    };
    GalleryItem {
        title: prediction.id.clone(),
        caption,
        truth: Some(prediction.truth),
        predicted: prediction.predicted,
        distance_km: prediction.distance_km,
        images,
    }
}

//! Writes `report.json` and `report.html` of invented predictions, to look at the page.
//!
//! `cargo run -p geoloc-metrics --example sample_report -- target/sample_report`

use std::path::PathBuf;

use geoloc_geo_cells::LatLng;
use geoloc_metrics::{
    Conventions, Curve, Gallery, GalleryImage, GalleryItem, HtmlReport, MethodReport, Prediction,
    Rank, Report, Role, STANDARD_RADII_KM, SplitMix64,
};

/// Places that the invented photos crowd around: latitude, longitude.
const CENTRES: [(f64, f64); 9] = [
    (48.0, 10.0),
    (40.0, -95.0),
    (-15.0, -55.0),
    (25.0, 80.0),
    (35.0, 110.0),
    (60.0, 100.0),
    (0.0, 25.0),
    (-25.0, 135.0),
    (66.0, -175.0),
];

/// Name, role, description and share of good answers.
const METHODS: [(&str, Role, &str, f64); 4] = [
    (
        "two-branch retrieval",
        Role::Method,
        "Ranks a gallery of aerial tiles; the answer is the centre of the first.",
        0.45,
    ),
    (
        "cell classifier",
        Role::Method,
        "Adaptive cells, cross-entropy, centre of the most probable cell.",
        0.25,
    ),
    (
        "constant place",
        Role::Baseline,
        "The geometric median of the training places for every query.",
        0.0,
    ),
    (
        "best cell",
        Role::Ceiling,
        "The cell of the truth for every query.",
        1.0,
    ),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args()
        .nth(1)
        .map_or_else(|| "target/sample_report".into(), Into::into);
    std::fs::create_dir_all(&folder)?;
    let seed = 7;
    let conventions = Conventions::default();
    let mut rng = SplitMix64::new(seed);
    let truth: Vec<LatLng> = (0..1000)
        .filter_map(|i| {
            let (lat, lng) = CENTRES.get(i % CENTRES.len())?;
            near(&mut rng, *lat, *lng, 12.0)
        })
        .collect();

    let mut report = Report::new("Sample report", conventions);
    report.summary = "Invented predictions of two methods over 1,000 places, to show what a report looks like. No model was run.".into();
    report.set("seed", seed);
    report.set("queries", truth.len());
    report.set("training steps", 400);
    for (name, role, description, skill) in METHODS {
        let predictions: Vec<Prediction> = truth
            .iter()
            .enumerate()
            .map(|(i, &t)| {
                let hit = rng.unit() < skill;
                let predicted = match role {
                    Role::Baseline => LatLng::new(32.0, 40.0).ok(),
                    _ if i % 97 == 5 && role == Role::Method => None,
                    _ if hit => near(&mut rng, t.lat(), t.lng(), 0.3 + rng_width(i)),
                    _ => truth.get(rng.below(truth.len())).copied(),
                };
                let mut p = Prediction::new(format!("tile_{i:04}"), t, predicted);
                if role == Role::Method {
                    let hemisphere = if t.lat() < 0.0 { "south" } else { "north" };
                    p = p
                        .with_tag("hemisphere", hemisphere)
                        .with_probability((rng.unit() + if hit { 0.5 } else { 0.0 }) / 1.5)
                        .with_radius50_km(50.0 + 900.0 * rng.unit());
                }
                if name.starts_with("two") {
                    let better = if hit { 0 } else { rng.below(truth.len() / 4) };
                    p = p.with_rank(predicted.map(|_| Rank { better, tied: 0 }));
                }
                p
            })
            .collect();
        let mut method =
            MethodReport::evaluate(name, role, predictions, &STANDARD_RADII_KM, &conventions)?
                .with_description(description);
        if role == Role::Method {
            method = method.with_slices("hemisphere", &conventions)?;
        }
        if name.starts_with("two") {
            method = method.with_retrieval(truth.len(), &[1, 5, 10], &conventions)?;
        }
        if name.starts_with("cell") {
            method = method
                .with_extra("expected calibration error", 0.071)
                .with_extra("cells", 214.0);
        }
        report.push_method(method)?;
    }
    for (name, start) in [("two-branch retrieval", 5.5), ("cell classifier", 4.8)] {
        let points: Vec<_> = (0..400_u64)
            .map(|step| {
                let ideal = 1.2 + (start - 1.2) * (-(step as f64) / 120.0).exp();
                let validation = (step % 50 == 49).then_some(ideal * 1.08 + 0.1);
                (step, Some(ideal + 0.5 * (rng.unit() - 0.5)), validation)
            })
            .collect();
        report.curves.push(Curve::new(name, points));
    }
    report.notes.push(
        "The numbers of the tables follow from the predictions listed in report.json.".into(),
    );
    report.compare("two-branch retrieval", "cell classifier")?;
    report.compare("cell classifier", "constant place")?;
    report.verify()?;
    report.write_json(folder.join("report.json"))?;

    let method = report.method("cell classifier").ok_or("a method")?;
    let mut ordered: Vec<&Prediction> = method
        .predictions
        .iter()
        .filter(|p| p.predicted.is_some())
        .collect();
    ordered.sort_by(|a, b| {
        a.distance_km
            .unwrap_or(f64::MAX)
            .total_cmp(&b.distance_km.unwrap_or(f64::MAX))
    });
    let easy = gallery("Smallest errors", ordered.iter().take(4));
    let hard = gallery("Largest errors", ordered.iter().rev().take(4));
    let html = HtmlReport::new(&report)
        .with_gallery(easy)
        .with_gallery(hard);
    html.write(folder.join("report.html"))?;
    Ok(())
}

/// A wider error for some queries, so that the distribution has a tail.
fn rng_width(i: usize) -> f64 {
    (i % 11) as f64 * 0.6
}

/// A place within about `spread` degrees.
fn near(rng: &mut SplitMix64, lat: f64, lng: f64, spread: f64) -> Option<LatLng> {
    let mut offset = || (rng.unit() + rng.unit() + rng.unit() - 1.5) * spread;
    LatLng::new((lat + offset()).clamp(-89.0, 89.0), lng + 1.5 * offset()).ok()
}

fn gallery<'a>(title: &str, predictions: impl Iterator<Item = &'a &'a Prediction>) -> Gallery {
    let items = predictions.map(|p| GalleryItem {
        title: p.id.clone(),
        caption: "An invented query; its pictures are plain gradients.".into(),
        truth: Some(p.truth),
        predicted: p.predicted,
        distance_km: p.distance_km,
        images: [("query", 90), ("best match", 160)]
            .map(|(label, tone)| GalleryImage {
                label: label.into(),
                bytes: gradient(tone),
            })
            .to_vec(),
    });
    Gallery {
        title: title.into(),
        items: items.collect(),
    }
}

/// A 64 x 64 gray PNG with a diagonal gradient, stored without compression.
fn gradient(tone: usize) -> Vec<u8> {
    const SIDE: usize = 64;
    let mut rows = Vec::new();
    for y in 0..SIDE {
        rows.push(0);
        rows.extend((0..SIDE).map(|x| (tone + x + y).min(255) as u8));
    }
    let mut zlib = vec![0x78, 0x01, 0x01];
    let length = rows.len() as u16;
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(&rows);
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in &rows {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());

    let side = (SIDE as u32).to_be_bytes();
    let header = [&side[..], &side[..], &[8, 0, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zlib), (b"IEND", Vec::new())] {
        png.extend((data.len() as u32).to_be_bytes());
        let body = [&kind[..], &data].concat();
        png.extend(&body);
        png.extend(crc32(&body).to_be_bytes());
    }
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 {
                c >> 1 ^ 0xEDB8_8320
            } else {
                c >> 1
            }
        })
    })
}

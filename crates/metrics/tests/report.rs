//! The report as a whole: what is written can be read, checked and drawn, and damage is noticed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

use geoloc_geo_cells::LatLng;
use geoloc_metrics::{
    Conventions, Curve, Gallery, GalleryImage, GalleryItem, HtmlReport, MethodReport, Prediction,
    Rank, Report, ReportError, Role, STANDARD_RADII_KM, SplitMix64,
};

fn random_place(rng: &mut SplitMix64) -> LatLng {
    LatLng::new(rng.unit() * 180.0 - 90.0, rng.unit() * 360.0 - 180.0).expect("in range")
}

fn sample() -> Report {
    let mut rng = SplitMix64::new(11);
    let conventions = Conventions::default();
    let mut report = Report::new("Sample", conventions);
    report.set("seed", 11);
    for (name, role) in [("cells", Role::Method), ("constant", Role::Baseline)] {
        let predictions = (0..40)
            .map(|i| {
                let truth = random_place(&mut rng);
                let predicted = (i % 13 != 0).then(|| random_place(&mut rng));
                Prediction::new(format!("photo {i}"), truth, predicted)
                    .with_radius50_km(rng.unit() * 500.0)
                    .with_probability(rng.unit())
                    .with_rank(predicted.map(|_| Rank {
                        better: rng.below(20),
                        tied: rng.below(2),
                    }))
                    .with_tag("half", if i < 20 { "first" } else { "second" })
            })
            .collect();
        let method =
            MethodReport::evaluate(name, role, predictions, &STANDARD_RADII_KM, &conventions)
                .and_then(|m| m.with_retrieval(100, &[1, 5, 10], &conventions))
                .and_then(|m| m.with_slices("half", &conventions))
                .expect("valid predictions")
                .with_extra("ece", 0.25)
                .with_extra("lost", f64::NAN);
        report.push_method(method).expect("a new name");
    }
    report.compare("cells", "constant").expect("same queries");
    report.curves.push(Curve::new(
        "cells",
        (0..5).map(|i| (i * 10, Some(3.0 / (i + 1) as f64), None)),
    ));
    report
}

#[test]
fn written_and_read_report_is_the_same_to_the_byte_and_verifies() {
    let report = sample();
    report.verify().expect("fresh report");
    let text = report.to_json().expect("serialised");
    let read = Report::from_json(&text).expect("read back");
    assert_eq!(read, report);
    assert_eq!(read.to_json().expect("serialised"), text);
    read.verify().expect("report from disk");
    assert_eq!(
        sample().to_json().expect("serialised"),
        text,
        "same seed, same bytes"
    );
    assert!(!text.contains("lost"), "NaN is left out");
}

#[test]
fn every_kind_of_damage_is_named() {
    type Damage = fn(&mut Report);
    let cases: [(&str, Damage); 19] = [
        ("prediction \"photo 1\": distance_km", |r| {
            r.methods[0].predictions[1].distance_km = Some(1.0);
        }),
        ("prediction \"photo 1\": distance_km", |r| {
            r.methods[0].predictions[1].predicted = None;
        }),
        ("n", |r| {
            r.methods[0].predictions.pop();
        }),
        ("failures", |r| r.methods[0].distance.failures += 1),
        ("within 25 km", |r| {
            r.methods[0].distance.within[0].share.value += 1e-6;
        }),
        ("lower end of within 25 km", |r| {
            r.methods[0].distance.within[0].share.interval = None;
        }),
        ("median_km", |r| r.methods[0].distance.median_km = None),
        ("geo_score", |r| {
            r.methods[0].distance.geo_score.value *= 1.001;
        }),
        ("percentile 75", |r| {
            r.methods[0].distance.percentiles[3].km = Some(7.0);
        }),
        ("recall@5", |r| {
            r.methods[0].retrieval.as_mut().expect("present").recall[1]
                .share
                .value = 0.9;
        }),
        ("median_rank", |r| {
            r.methods[0]
                .retrieval
                .as_mut()
                .expect("present")
                .median_rank = Some(1.0);
        }),
        ("radius50_holds", |r| {
            r.methods[0].predictions[1].radius50_km = Some(1e9);
        }),
        ("probability_n", |r| {
            r.methods[0].predictions[1].probability = None;
        }),
        ("risk_coverage_area", |r| {
            r.methods[0]
                .certainty
                .as_mut()
                .expect("present")
                .risk_coverage_area = Some(0.5);
        }),
        ("number of certainty summaries", |r| {
            r.methods[0].certainty = None;
        }),
        ("half = first: n", |r| {
            r.methods[0].predictions[1]
                .tags
                .insert("half".into(), "second".into());
        }),
        ("geo_score_p_value against \"constant\"", |r| {
            r.comparisons[0].geo_score_p_value = 0.001;
        }),
        ("nearer against \"constant\": level", |r| {
            r.comparisons[0].nearer.level += 1;
        }),
        ("number of predictions \"photo 0\"", |r| {
            let copy = r.methods[0].predictions[0].clone();
            r.methods[0].predictions.push(copy);
        }),
    ];
    for (expected, damage) in cases {
        let mut report = sample();
        damage(&mut report);
        match report.verify() {
            Err(ReportError::Disagreement { what, method, .. }) => {
                assert_eq!((what.as_str(), method.as_str()), (expected, "cells"));
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn other_conventions_than_recorded_are_noticed() {
    let mut report = sample();
    report.conventions = Conventions::pigeon().with_bootstrap(report.conventions.bootstrap);
    assert!(matches!(
        report.verify(),
        Err(ReportError::Disagreement { .. })
    ));
}

#[test]
fn foreign_newer_and_damaged_files_are_refused() {
    let text = sample().to_json().expect("serialised");
    let newer = text.replacen("\"version\": 1", "\"version\": 2", 1);
    assert!(matches!(
        Report::from_json(&newer),
        Err(ReportError::Version {
            found: 2,
            supported: 1
        })
    ));
    let foreign = text.replacen("geoloc-report", "other", 1);
    assert!(matches!(
        Report::from_json(&foreign),
        Err(ReportError::Format { .. })
    ));
    for end in [0, 1, text.len() / 2, text.len() - 2] {
        assert!(matches!(
            Report::from_json(&text[..end]),
            Err(ReportError::Json { .. })
        ));
    }
    let off_the_earth = text.replacen("\"lat\": ", "\"lat\": 1000", 1);
    assert!(matches!(
        Report::from_json(&off_the_earth),
        Err(ReportError::Json { .. })
    ));
    let missing = Report::read_json("no/such/report.json");
    assert!(matches!(missing, Err(ReportError::Io { path, .. }) if path.ends_with("report.json")));
}

#[test]
fn two_methods_of_one_name_are_refused() {
    let mut report = sample();
    let again = report.methods[0].clone();
    assert!(matches!(
        report.push_method(again.clone()),
        Err(ReportError::DuplicateMethod { .. })
    ));
    report.methods.push(again);
    assert!(matches!(
        report.verify(),
        Err(ReportError::DuplicateMethod { .. })
    ));
}

#[test]
fn page_holds_no_address_no_script_and_no_foreign_markup() {
    let attack = "\"><script>alert(1)</script>'&<img src=http://x onerror=y>\u{1}";
    let mut report = sample();
    report.title = attack.into();
    report.summary = attack.into();
    report.notes.push(attack.into());
    report.set(attack, attack);
    report.curves[0].name = attack.into();
    for method in &mut report.methods {
        method.name.push_str(attack);
        method.description = attack.into();
        method.extra.insert(attack.into(), 1.0);
        for p in &mut method.predictions {
            p.id.push_str(attack);
        }
    }
    let gallery = Gallery {
        title: attack.into(),
        items: vec![GalleryItem {
            title: attack.into(),
            caption: attack.into(),
            images: vec![GalleryImage {
                label: attack.into(),
                bytes: b"\x89PNG\r\n\x1a\n".to_vec(),
            }],
            ..GalleryItem::default()
        }],
    };
    let html = HtmlReport::new(&report)
        .with_gallery(gallery)
        .render()
        .expect("drawn");
    assert!(!html.contains("<script") && !html.contains("<img src=http"));
    assert!(!html.contains('\u{1}'));
    let addresses = html.match_indices("http").filter(|(i, _)| {
        let rest = &html[*i..];
        // The name space of SVG is a name, not an address; `http-equiv` is the security policy; the attack is escaped.
        !rest.starts_with("http://www.w3.org/2000/svg\"")
            && !rest.starts_with("http-equiv")
            && !rest.starts_with("http://x onerror=y&gt;")
    });
    assert_eq!(addresses.count(), 0);
    // Every tag of the page is one of ours, and paired tags are balanced.
    for tag in [
        "section", "table", "figure", "svg", "div", "article", "dl", "tr", "td", "th", "p",
    ] {
        let open = html.matches(&format!("<{tag}>")).count()
            + html.matches(&format!("<{tag} ")).count()
            - html.matches("<p/>").count();
        assert_eq!(open, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn image_that_is_not_one_is_refused_by_name() {
    let report = sample();
    let gallery = Gallery {
        title: "g".into(),
        items: vec![GalleryItem {
            title: "a.jpg".into(),
            images: vec![GalleryImage {
                label: "query".into(),
                bytes: b"GIF89a".to_vec(),
            }],
            ..GalleryItem::default()
        }],
    };
    let refused = HtmlReport::new(&report).with_gallery(gallery).render();
    assert!(matches!(refused, Err(ReportError::Image { item, .. }) if item == "a.jpg"));
}

#[test]
fn empty_report_is_a_page() {
    let report = Report::new("Nothing yet", Conventions::default());
    report.verify().expect("nothing to disagree");
    let html = HtmlReport::new(&report).render().expect("drawn");
    assert!(html.contains("<h1>Nothing yet</h1>"));
}

#[test]
fn kept_report_of_version_1_reads_verifies_and_is_drawn() {
    let text = include_str!("golden/report-v1.json");
    let report = Report::from_json(text).expect("readable for ever");
    report.verify().expect("the same numbers for ever");
    assert_eq!(report.to_json().expect("serialised"), text);
    let first = &report.methods[0];
    assert_eq!((first.distance.n, first.distance.failures), (5, 1));
    HtmlReport::new(&report).render().expect("drawn");
}

#[test]
fn numbers_that_json_cannot_hold_are_dropped_and_absurd_ones_are_drawn() {
    let conventions = Conventions::default();
    let place = LatLng::new(1.0, 2.0).expect("a place");
    let mut prediction = Prediction::new("q", place, Some(place));
    prediction.radius50_km = Some(f64::NAN);
    prediction.probability = Some(f64::INFINITY);
    let radii = [0.0, 25.0, 1e300];
    let method = MethodReport::evaluate("m", Role::Method, vec![prediction], &radii, &conventions);
    let mut report = Report::new("t", conventions);
    report
        .push_method(method.expect("valid"))
        .expect("a new name");
    report.verify().expect("fresh");
    let mut read = Report::from_json(&report.to_json().expect("serialised")).expect("read");
    assert_eq!(read, report);
    read.methods[0].predictions[0].distance_km = Some(1e300);
    read.methods[0].distance.within[0].share.value = -1e300;
    read.methods[0].distance.n = usize::MAX;
    HtmlReport::new(&read).render().expect("drawn");
    assert!(matches!(
        read.verify(),
        Err(ReportError::Disagreement { .. })
    ));
}

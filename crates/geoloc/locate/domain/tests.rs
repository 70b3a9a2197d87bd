use super::*;
use crate::artifact::Manifest;
use crate::core::{mix, uniform};

/// Stripes of a few colours, and features that go with them; `kind` 1 is another family.
fn photo(kind: u64, number: u64) -> DescribedPhoto {
    let draw = |k: u64| uniform(mix(mix(kind, number), k));
    let (phase, light) = (draw(1), draw(2) * 0.4);
    let value = |i: usize| {
        let (channel, y, x) = (i / 1024, i % 1024 / 32, i % 32);
        let at = if kind == 0 { y } else { x };
        let wave = (at as f64 * 0.4 + 6.0 * phase).sin() * 0.3;
        (wave + light + 0.1 * channel as f64 + 0.02 * draw(10 + i as u64)).clamp(-1.0, 1.0)
    };
    let picture = Picture((0..Picture::LEN).map(value).collect());
    DescribedPhoto {
        statistics: picture.statistics(),
        picture,
        features: (0..4).map(|k| draw(90 + k) + kind as f64).collect(),
    }
}

fn photos(kind: u64, from: u64, n: u64) -> Vec<DescribedPhoto> {
    (from..from + n).map(|i| photo(kind, i)).collect()
}

/// Fits with made pictures that carry no features.
fn fit(
    training: &[DescribedPhoto],
    held_out: &[DescribedPhoto],
) -> Result<DomainStatistics, DomainError> {
    let pictures: Vec<Picture> = training.iter().map(|p| p.picture.clone()).collect();
    let made = |number| DescribedPhoto::without_features(made::made(&pictures, number, 1));
    let made: Vec<_> = (0..300).map(made).collect();
    DomainStatistics::fit_described(training, held_out, &made, 1)
}

fn fitted() -> DomainStatistics {
    fit(&photos(0, 0, 300), &photos(0, 300, 200)).unwrap()
}

fn outside(statistics: &DomainStatistics, photos: &[DescribedPhoto]) -> usize {
    let refused = |p: &&DescribedPhoto| statistics.check(p).is_outside();
    photos.iter().filter(refused).count()
}

#[test]
fn photos_of_the_kind_pass_and_others_do_not() {
    let statistics = fitted();
    assert!(
        outside(&statistics, &photos(0, 300, 200)) <= 2,
        "the held-out ones"
    );
    assert!(outside(&statistics, &photos(0, 1000, 200)) <= 12);
    assert_eq!(outside(&statistics, &photos(1, 0, 100)), 100);
    // Usual pictures whose features are not.
    let mut strange = photo(0, 400);
    strange.features = vec![9.0; 4];
    assert!(statistics.check(&strange).is_outside());
    strange.features.push(0.0);
    assert_eq!(statistics.check(&strange), Domain::Unknown);
}

#[test]
fn too_few_photos_and_features_that_are_not_finite_are_refused() {
    let few = fit(&photos(0, 0, 300), &photos(0, 300, 49));
    let message = few.unwrap_err().to_string();
    assert!(message.contains("not 300 and 49"), "{message}");
    let mut broken = photos(0, 0, 100);
    broken[3].features[0] = f64::NAN;
    let found = fit(&broken, &photos(0, 300, 60));
    assert!(matches!(found, Err(DomainError::Features { .. })));
}

#[test]
fn statistics_come_back_from_a_file_and_broken_ones_are_named() {
    let statistics = fitted();
    let mut artifact = Artifact::new(Manifest::new("test"));
    assert_eq!(artifact.domain("a").unwrap(), None);
    artifact.insert_domain("a", &statistics).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bpk");
    artifact.save(&path).unwrap();
    let read = Artifact::open(&path).unwrap().domain("a").unwrap().unwrap();
    for photo in photos(0, 0, 20) {
        assert_eq!(read.check(&photo), statistics.check(&photo));
    }
    let mut broken = statistics;
    broken.scales[1] = [1.0, 1.0];
    artifact.insert_domain("a", &broken).unwrap();
    let message = artifact.domain("a").unwrap_err().to_string();
    assert!(message.contains("a/domain"), "{message}");
}

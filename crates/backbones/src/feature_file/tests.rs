use std::io::{Seek, SeekFrom, Write};

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{FeatureSpec, Features};

use super::{FeatureFile, FeatureFileError, FeatureKey, FeatureLayout, FeatureWriter, Precision};

fn key() -> FeatureKey {
    FeatureKey {
        data: "photos".into(),
        weights: "network".into(),
        input: "224".into(),
    }
}

fn layout(precision: Precision) -> FeatureLayout {
    FeatureLayout {
        rows: 5,
        spec: FeatureSpec {
            width: 3,
            grid: Some([2, 1]),
        },
        precision,
    }
}

/// Rows `from..to`; every number is `100 * row + position`.
fn rows(from: usize, to: usize) -> Features {
    let device = Device::flex();
    let numbers = |first: usize, count: usize| -> Vec<f32> {
        (from..to)
            .flat_map(|row| (first..first + count).map(move |i| (100 * row + i) as f32))
            .collect()
    };
    Features {
        pooled: Tensor::from_data(TensorData::new(numbers(0, 3), [to - from, 3]), &device),
        tokens: Some(Tensor::from_data(
            TensorData::new(numbers(3, 6), [to - from, 2, 3]),
            &device,
        )),
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

/// A short file may be one that was cut off in its header, or a file of someone who mistyped a name.
#[test]
fn a_short_file_is_overwritten_only_if_it_is_a_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.features");
    let open = || FeatureWriter::open(&path, key(), layout(Precision::F32));
    for other in [b"lat,lon\n1,2\n".as_slice(), b"GEOLFEAX", b"{"] {
        std::fs::write(&path, other).unwrap();
        assert!(matches!(open(), Err(FeatureFileError::Damaged { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), other);
    }
    for cut in [b"".as_slice(), b"GEO", b"GEOLFEAT\x01", &[0; 100]] {
        std::fs::write(&path, cut).unwrap();
        assert_eq!(open().unwrap().done(), 0);
    }
}

#[test]
fn a_run_that_was_cut_off_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for precision in [Precision::F32, Precision::F16] {
        let path = folder.path().join(format!("{precision:?}.features"));
        let open = || FeatureWriter::open(&path, key(), layout(precision));
        let mut writer = open().unwrap();
        writer.append(rows(0, 2)).unwrap();
        // A second process may not write, and an unfinished file is not read.
        assert!(matches!(open(), Err(FeatureFileError::Busy { .. })));
        drop(writer);
        assert!(matches!(
            FeatureFile::open(&path),
            Err(FeatureFileError::Damaged { .. })
        ));
        // Killed while a row was written: its bytes are there, but not counted.
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(&[7; 5]).unwrap();
        let mut writer = open().unwrap();
        assert_eq!(writer.done(), 2);
        writer.append(rows(2, 3)).unwrap();
        writer.append(rows(3, 5)).unwrap();
        let file = writer.finish().unwrap();
        file.verify().unwrap();
        let found = file.features(&[4, 0, 4], &Device::flex()).unwrap();
        let (last, first) = (values(rows(4, 5).pooled), values(rows(0, 1).pooled));
        assert_eq!(values(found.pooled), [last.clone(), first, last].concat());
        let tokens = values(found.tokens.unwrap());
        assert_eq!(tokens[..6], values(rows(4, 5).tokens.unwrap()));
        assert_eq!(file.pooled(), values(rows(0, 5).pooled));
        assert!(matches!(
            file.features(&[5], &Device::flex()),
            Err(FeatureFileError::NoRow {
                row: 5,
                rows: 5,
                ..
            })
        ));
    }
}

#[test]
fn features_of_something_else_are_refused_by_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.features");
    drop(FeatureWriter::open(&path, key(), layout(Precision::F32)).unwrap());
    let differs =
        |key: FeatureKey, layout: FeatureLayout| match FeatureWriter::open(&path, key, layout) {
            Err(FeatureFileError::OtherKey { what, .. }) => what,
            other => panic!("{other:?}"),
        };
    let layout = layout(Precision::F32);
    let other = "other".to_owned();
    let data = FeatureKey {
        data: other.clone(),
        ..key()
    };
    assert_eq!(differs(data, layout), "data set");
    let weights = FeatureKey {
        weights: other.clone(),
        ..key()
    };
    assert_eq!(differs(weights, layout), "network");
    let input = FeatureKey {
        input: other,
        ..key()
    };
    assert_eq!(differs(input, layout), "preprocessing");
    let half = FeatureLayout {
        precision: Precision::F16,
        ..layout
    };
    assert_eq!(differs(key(), half), "layout");
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        FeatureWriter::open(folder.path().join("x"), key(), layout(Precision::F16)).unwrap();
    let large = Features {
        pooled: rows(0, 1).pooled * 1e6,
        tokens: rows(0, 1).tokens,
    };
    assert!(matches!(
        writer.append(large),
        Err(FeatureFileError::NotFinite { row: 0, .. })
    ));
    let bare = Features::pooled(rows(0, 1).pooled);
    assert!(matches!(
        writer.append(bare),
        Err(FeatureFileError::Shape { .. })
    ));
    assert!(matches!(
        writer.append(rows(0, 6)),
        Err(FeatureFileError::Shape { .. })
    ));
    assert_eq!(writer.done(), 0);
    assert!(matches!(
        writer.finish(),
        Err(FeatureFileError::Damaged { .. })
    ));
}

#[test]
fn damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.features");
    let mut writer = FeatureWriter::open(&path, key(), layout(Precision::F32)).unwrap();
    writer.append(rows(0, 5)).unwrap();
    writer.finish().unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, 20, 70, 4095, 4096, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let result = FeatureFile::open(&path);
        assert!(
            matches!(
                result,
                Err(FeatureFileError::Damaged { .. } | FeatureFileError::Io { .. })
            ),
            "{length}: {result:?}"
        );
    }
    std::fs::write(&path, &whole).unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::End(-1)).unwrap();
    file.write_all(&[0xff]).unwrap();
    drop(file);
    let file = FeatureFile::open(&path).unwrap();
    assert!(matches!(
        file.verify(),
        Err(FeatureFileError::Damaged { .. })
    ));
}

#[test]
fn sizes_beyond_counting_are_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.features");
    let sizes = [
        (u64::MAX, 3, [2, 1]),
        (5, usize::MAX, [2, 1]),
        (5, 3, [usize::MAX, 2]),
        (5, 1 << 33, [1 << 16, 1 << 15]),
        (1 << 62, 1, [1, 1]),
        // No bytes, and more tokens than can be counted.
        (5, 0, [1 << 33, 1 << 33]),
    ];
    for (rows, width, grid) in sizes {
        let layout = FeatureLayout {
            rows,
            spec: FeatureSpec {
                width,
                grid: Some(grid),
            },
            precision: Precision::F32,
        };
        assert!(matches!(
            FeatureWriter::open(&path, key(), layout),
            Err(FeatureFileError::Shape { .. })
        ));
        // The same from a file, whose checksum is that of an older release: none.
        let key = key();
        let header = serde_json::json!({ "key": key, "layout": layout }).to_string();
        let mut bytes = vec![0; 4096];
        bytes[..8].copy_from_slice(b"GEOLFEAT");
        bytes[8] = 1;
        bytes[12..14].copy_from_slice(&(header.len() as u16).to_le_bytes());
        bytes[16..24].copy_from_slice(&rows.to_le_bytes());
        bytes[24..56].fill(7);
        bytes[64..64 + header.len()].copy_from_slice(header.as_bytes());
        std::fs::write(&path, bytes).unwrap();
        let result = FeatureFile::open(&path);
        assert!(
            matches!(&result, Err(FeatureFileError::Damaged { reason, .. }) if reason.contains("layout")),
            "{result:?}"
        );
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_flipped_bit_of_the_header_is_noticed_and_headers_without_checksum_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.features");
    let mut writer = FeatureWriter::open(&path, key(), layout(Precision::F32)).unwrap();
    writer.append(rows(0, 5)).unwrap();
    writer.finish().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let place = whole.windows(6).position(|text| text == b"photos").unwrap();
    let mut flipped = whole.clone();
    flipped[place] ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    assert!(matches!(
        FeatureFile::open(&path),
        Err(FeatureFileError::Damaged { reason, .. }) if reason.contains("header")
    ));
    let mut old = whole;
    old[56..64].fill(0);
    std::fs::write(&path, &old).unwrap();
    FeatureFile::open(&path).unwrap().verify().unwrap();
}

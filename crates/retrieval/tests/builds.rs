//! What a build is bound to, and what stays of builds that fail.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::path::Path;

use geoloc_retrieval::{
    AddError, BuildSettings, FlatIndex, IndexBuilder, IndexKind, IvfConfig, IvfIndex, Rows,
    StoreError, VectorError,
};

fn settings() -> BuildSettings {
    BuildSettings::new(2, IndexKind::Flat)
        .embedding("model a")
        .input("list a")
}

/// An index of three rows, and the folder of a build beside it.
fn file_of_three(path: &Path) -> std::path::PathBuf {
    let mut builder = IndexBuilder::open_with(path, settings()).unwrap();
    builder.add(&Rows::new(&[1.0; 6])).unwrap();
    builder.finish(|_| {}).unwrap();
    let folder = path.with_file_name("x.index.building");
    assert!(!folder.exists());
    folder
}

fn rows_of(path: &Path) -> usize {
    FlatIndex::open(path).unwrap().len()
}

#[test]
fn builds_of_one_file_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let mut first = IndexBuilder::open_with(&path, settings()).unwrap();
    first.add(&Rows::new(&[1.0, 0.0])).unwrap();
    first.checkpoint().unwrap();
    let building = folder.path().join("x.index.building");
    // Whether the settings are the same does not matter.
    for other in [settings(), settings().input("list b")] {
        let second = IndexBuilder::open_with(&path, other);
        assert!(matches!(second, Err(StoreError::InUse { file }) if file == building));
    }
    first.add(&Rows::new(&[0.0, 1.0])).unwrap();
    first.finish(|_| {}).unwrap();
    assert_eq!(rows_of(&path), 2);
    // One that is dropped can be resumed.
    let mut third = IndexBuilder::open_with(&path, settings()).unwrap();
    third.add(&Rows::new(&[1.0, 0.0])).unwrap();
    third.checkpoint().unwrap();
    drop(third);
    let resumed = IndexBuilder::open_with(&path, settings()).unwrap();
    assert_eq!((resumed.rows(), resumed.next_id()), (1, 1));
}

#[test]
fn a_build_is_resumed_with_its_own_input_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let mut builder = IndexBuilder::open_with(&path, settings()).unwrap();
    builder.add(&Rows::new(&[1.0, 0.0])).unwrap();
    builder.checkpoint().unwrap();
    drop(builder);
    let kind = IndexKind::Ivf(IvfConfig::default());
    let cases = [
        (
            BuildSettings::new(2, IndexKind::Flat).embedding("model a"),
            "input",
        ),
        (settings().input("list b"), "input"),
        (settings().embedding("model b"), "embedding"),
        (BuildSettings::new(3, IndexKind::Flat), "dimension"),
        (BuildSettings::new(2, kind), "kind"),
    ];
    for (other, wanted) in cases {
        let refused = IndexBuilder::open_with(&path, other).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("x.index.building") && text.contains("remove this folder"));
        assert!(text.contains(wanted), "{text}");
        assert!(matches!(refused, StoreError::OtherBuild { what, .. } if what == wanted));
    }
    let refused = IndexBuilder::open_with(&path, settings().input("list b")).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("\"list a\"") && text.contains("\"list b\""),
        "{text}"
    );
    let builder = IndexBuilder::open_with(&path, settings()).unwrap();
    assert_eq!(builder.rows(), 1);
}

/// A journal as it was written before it recorded the input.
#[test]
fn a_journal_without_an_input_is_resumed_by_builds_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let building = folder.path().join("x.index.building");
    std::fs::create_dir(&building).unwrap();
    let old = "{\"dim\":2,\"kind\":\"flat\",\"embedding\":\"model a\"}\n";
    std::fs::write(building.join("journal"), old).unwrap();
    let refused = IndexBuilder::open_with(&path, settings()).unwrap_err();
    assert!(matches!(
        refused,
        StoreError::OtherBuild { what: "input", ref found, .. } if found == "not recorded"
    ));
    IndexBuilder::open_for(&path, 2, IndexKind::Flat, "model a").unwrap();
    assert_eq!(
        std::fs::read_to_string(building.join("journal")).unwrap(),
        old
    );
}

/// Each names the folder and says what to do; none panics, and none changes what is there.
#[test]
fn a_damaged_build_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let building = file_of_three(&path);
    let start = || {
        let mut builder = IndexBuilder::open_with(&path, settings()).unwrap();
        builder.add(&Rows::new(&[1.0; 8])).unwrap();
        builder.checkpoint().unwrap();
    };
    let damaged = |error: StoreError| {
        let text = error.to_string();
        assert!(matches!(error, StoreError::DamagedBuild { folder, .. } if folder == building));
        assert!(text.contains("remove this folder"), "{text}");
        assert_eq!(rows_of(&path), 3);
    };
    start();
    let journal = std::fs::read_to_string(building.join("journal")).unwrap();
    let header = journal.lines().next().unwrap();
    let record = |rows: &str, placed: &str| {
        format!(
            "{header}\n{{\"rows\":{rows},\"placed\":{placed},\"next_id\":4,\"sums\":[0,0,0,0]}}\n"
        )
    };
    let forged = [
        "no journal\n".to_owned(),
        "{\"dim\":2,\"kind\":\"flat\",\"later\":1}\n".to_owned(),
        format!("{header}\nno record\n"),
        record("18446744073709551615", "0"),
        record("4", "5"),
        record("0", "0"),
        format!(
            "{}{}",
            record("4", "0"),
            &record("3", "0")[header.len() + 1..]
        ),
        // More rows than the columns hold.
        record("5", "0"),
    ];
    for forged in forged {
        std::fs::write(building.join("journal"), &forged).unwrap();
        damaged(IndexBuilder::open_with(&path, settings()).unwrap_err());
        assert_eq!(
            std::fs::read_to_string(building.join("journal")).unwrap(),
            forged
        );
    }
    // Rows that are not those of the checksums.
    std::fs::write(building.join("journal"), &journal).unwrap();
    let mut ids = std::fs::read(building.join("ids")).unwrap();
    ids[9] ^= 1;
    std::fs::write(building.join("ids"), ids).unwrap();
    let resumed = IndexBuilder::open_with(&path, settings()).unwrap();
    damaged(resumed.finish(|_| {}).unwrap_err());
    std::fs::remove_dir_all(&building).unwrap();
    start();
    let resumed = IndexBuilder::open_with(&path, settings()).unwrap();
    resumed.finish(|_| {}).unwrap();
    assert_eq!(rows_of(&path), 4);
}

#[test]
fn a_build_without_rows_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let building = file_of_three(&path);
    let before = std::fs::read(&path).unwrap();
    for kind in [IndexKind::Flat, IndexKind::Ivf(IvfConfig::default())] {
        let mut builder = IndexBuilder::open(&path, 2, kind).unwrap();
        builder.add(&Rows::new(&[])).unwrap();
        let empty = builder.finish(|_| {});
        assert!(matches!(empty, Err(StoreError::NoRows { file }) if file == path));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(!building.exists());
    }
    // Nor is a file made where there was none.
    let none = folder.path().join("none");
    let builder = IndexBuilder::open(&none, 2, IndexKind::Flat).unwrap();
    assert!(builder.finish(|_| {}).is_err());
    assert!(!none.exists());
}

/// What was half written is not left beside the file.
#[test]
fn a_failed_write_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    file_of_three(&path);
    let mut builder = IndexBuilder::open_with(&path, settings()).unwrap();
    builder.add(&Rows::new(&[1.0, 0.0])).unwrap();
    let reader = std::fs::File::open(&path).unwrap();
    reader.lock().unwrap();
    let busy = builder.finish(|_| {});
    assert!(matches!(busy, Err(StoreError::InUse { file }) if file == path));
    assert!(!folder.path().join("x.index.new").exists());
    drop(reader);
    let builder = IndexBuilder::open_with(&path, settings()).unwrap();
    builder.finish(|_| {}).unwrap();
    assert_eq!(rows_of(&path), 1);
}

/// A crash between putting the file in place and removing the folder: the next build begins at once.
#[test]
fn an_emptied_journal_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let building = file_of_three(&path);
    std::fs::create_dir(&building).unwrap();
    std::fs::write(building.join("journal"), "").unwrap();
    std::fs::write(building.join("ids"), [7; 80]).unwrap();
    let mut builder = IndexBuilder::open_with(&path, settings().input("list b")).unwrap();
    assert_eq!(builder.rows(), 0);
    builder.add(&Rows::new(&[1.0, 0.0])).unwrap();
    builder.finish(|_| {}).unwrap();
    assert_eq!(rows_of(&path), 1);
    assert!(!building.exists());
}

#[test]
fn a_bad_row_is_named_by_its_number_in_the_build() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let mut builder = IndexBuilder::open_with(&path, settings()).unwrap();
    builder.add(&Rows::new(&vec![1.0; 140_000])).unwrap();
    let mut block = [1.0f32; 20];
    block[13] = f32::NAN;
    let bad = builder.add(&Rows::new(&block)).unwrap_err();
    assert!(bad.to_string().contains("row 70006, column 1"), "{bad}");
    block[13] = 1e30;
    let bad = builder.add(&Rows::new(&block)).unwrap_err();
    let StoreError::Rows(AddError::Vector(VectorError::NormTooLarge { row, .. })) = bad else {
        panic!("{bad}");
    };
    assert_eq!(row, 70_006);
    drop(builder);
    // The same after an interruption: what was not committed comes again.
    let mut builder = IndexBuilder::open_with(&path, settings()).unwrap();
    let done = builder.rows();
    assert!(done > 60_000);
    let bad = builder.add(&Rows::new(&[1.0, f32::NAN])).unwrap_err();
    assert!(bad.to_string().contains(&format!("row {done}, column 1")));
}

#[test]
fn a_path_without_a_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let kind = IndexKind::Flat;
    let refused = IndexBuilder::open(folder.path().join(".."), 2, kind);
    assert!(matches!(refused, Err(StoreError::Io { .. })));
    let mut index = IvfIndex::new(2, IvfConfig::default()).unwrap();
    assert!(matches!(
        index.save(folder.path().join("..")),
        Err(StoreError::Io { .. })
    ));
}

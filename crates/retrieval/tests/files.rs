//! Index files: the same answers as in memory, damage refused, builds that survive being killed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

mod adversary;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use adversary::{Rng, data, places};
use geoloc_geo_cells::{CellId, Level};
use geoloc_retrieval::{
    AddError, FORMAT_VERSION, FlatIndex, FusedIndex, FusedTable, IndexBuilder, IndexKind,
    IvfConfig, IvfIndex, ListCodes, Query, Region, Rows, SearchError, StoreError, StoredIndex,
    VectorIndex, VectorIndexMut,
};

const DIM: usize = 24;

fn rows(n: usize) -> Vec<f32> {
    data(3, n, DIM, &[0, 1, 2, 3, 7, 9, 9, 9])
}

fn queries(vectors: &[f32]) -> Vec<Query> {
    let places = places(9, 4);
    let cells: Vec<_> = places.iter().filter_map(|p| p.cell).collect();
    let mut out: Vec<Query> = vectors
        .chunks_exact(DIM)
        .step_by(37)
        .take(12)
        .map(|row| Query::new(row).k(7))
        .collect();
    out.push(out[1].clone().region(Region::cells(&cells)));
    out.push(out[2].clone().diversity_radius_km(500.0));
    out
}

fn flat(n: usize) -> (FlatIndex, Vec<f32>) {
    let vectors = rows(n);
    let mut index = FlatIndex::new(DIM).unwrap();
    let places = places(9, n);
    index
        .add(&Rows::new(&vectors).with_places(&places))
        .unwrap();
    (index, vectors)
}

fn same(a: &dyn VectorIndex, b: &dyn VectorIndex, queries: &[Query]) {
    assert_eq!(a.count(), b.count());
    for query in queries {
        assert_eq!(a.search(query).unwrap(), b.search(query).unwrap());
    }
}

#[test]
fn a_flat_file_answers_as_the_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.index");
    let (mut index, vectors) = flat(900);
    index.save(&path).unwrap();
    let mut opened = FlatIndex::open(&path).unwrap();
    opened.verify().unwrap();
    same(&index, &opened, &queries(&vectors));
    // Add and remove, in memory and then at the end of the file.
    let more = data(4, 50, DIM, &[9]);
    let more_places = places(5, 50);
    for index in [&mut index, &mut opened] {
        index
            .add(&Rows::new(&more).with_places(&more_places))
            .unwrap();
        assert_eq!(index.remove(&[3, 5, 901, 10_000]).unwrap(), 3);
    }
    index.seal().unwrap();
    opened.append().unwrap();
    same(&index, &opened, &queries(&vectors));
    let again = FlatIndex::open(&path).unwrap();
    again.verify().unwrap();
    same(&index, &again, &queries(&vectors));
    // Numbering goes on where it stopped, and a second round of changes holds too.
    let mut again = again;
    again.remove(&[7]).unwrap();
    index.remove(&[7]).unwrap();
    again.append().unwrap();
    let mut last = FlatIndex::open(&path).unwrap();
    same(&index, &last, &queries(&vectors));
    last.add(&Rows::new(&more[..DIM])).unwrap();
    assert_eq!(
        last.search(&Query::new(&more[..DIM]).k(999))
            .unwrap()
            .ids()
            .iter()
            .max(),
        Some(&950)
    );
    assert!(matches!(
        FlatIndex::new(2).unwrap().append(),
        Err(StoreError::NoFile)
    ));
}

#[test]
fn a_list_file_answers_as_the_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    for codes in [ListCodes::Int8, ListCodes::FourBit, ListCodes::OneBit] {
        let path = folder.path().join(format!("{codes:?}.index"));
        let config = IvfConfig {
            codes,
            lists: Some(9),
            ..IvfConfig::default()
        };
        let (vectors, places) = (rows(700), places(9, 700));
        let mut index = IvfIndex::new(DIM, config.clone()).unwrap();
        index
            .add(&Rows::new(&vectors).with_places(&places))
            .unwrap();
        index.seal().unwrap();
        index.remove(&[1, 2]).unwrap();
        index.save(&path).unwrap();
        let opened = IvfIndex::open(&path).unwrap();
        opened.verify().unwrap();
        assert_eq!(opened.config(), &config);
        same(&index, &opened, &queries(&vectors));
        // Changes at the end of the file, twice.
        let mut changed = IvfIndex::open(&path).unwrap();
        for (round, gone) in [(0, 7), (1, 8)] {
            let more = data(40 + round, 60, DIM, &[9]);
            for index in [&mut index, &mut changed] {
                let places = adversary::places(5, 60);
                index.add(&Rows::new(&more).with_places(&places)).unwrap();
                assert_eq!(index.remove(&[gone, 705]).unwrap(), 2 - round as usize);
                index.seal().unwrap();
            }
            changed.append().unwrap();
            let again = IvfIndex::open(&path).unwrap();
            again.verify().unwrap();
            same(&index, &again, &queries(&vectors));
        }
        changed.rebuild().unwrap();
        assert!(matches!(changed.append(), Err(StoreError::NoFile)));
        // A file without lists gets them with its first rows.
        let grown = folder.path().join(format!("{codes:?}.grown"));
        let mut empty = IvfIndex::new(DIM, config.clone()).unwrap();
        empty.save(&grown).unwrap();
        empty
            .add(&Rows::new(&vectors).with_places(&places))
            .unwrap();
        empty.append().unwrap();
        let opened = IvfIndex::open(&grown).unwrap();
        assert_eq!(opened.lists(), 9);
        same(&empty, &opened, &queries(&vectors));
        let mut index = empty;
        index.remove(&[1, 2]).unwrap();
        // The builder writes the same index.
        let built = folder.path().join(format!("{codes:?}.built"));
        let mut builder = IndexBuilder::open(&built, DIM, IndexKind::Ivf(config)).unwrap();
        builder
            .add(&Rows::new(&vectors).with_places(&places))
            .unwrap();
        let mut stages = Vec::new();
        builder.finish(|stage| stages.push(stage)).unwrap();
        assert_eq!(stages.len(), 5);
        let mut built = IvfIndex::open(&built).unwrap();
        built.verify().unwrap();
        built.remove(&[1, 2]).unwrap();
        same(&index, &built, &queries(&vectors));
        let wrong = FlatIndex::open(&path);
        assert!(matches!(
            wrong,
            Err(StoreError::Kind {
                expected: "flat",
                ..
            })
        ));
    }
}

/// What is common to the two kinds that can append.
trait Appends: VectorIndexMut + Sized {
    fn open_at(path: &Path) -> Result<Self, StoreError>;
    fn append_it(&mut self) -> Result<(), StoreError>;
    fn save_at(&mut self, path: &Path) -> Result<(), StoreError>;
}

impl Appends for FlatIndex {
    fn open_at(path: &Path) -> Result<Self, StoreError> {
        Self::open(path)
    }
    fn append_it(&mut self) -> Result<(), StoreError> {
        self.append()
    }
    fn save_at(&mut self, path: &Path) -> Result<(), StoreError> {
        self.save(path)
    }
}

impl Appends for IvfIndex {
    fn open_at(path: &Path) -> Result<Self, StoreError> {
        Self::open(path)
    }
    fn append_it(&mut self) -> Result<(), StoreError> {
        self.append()
    }
    fn save_at(&mut self, path: &Path) -> Result<(), StoreError> {
        self.save(path)
    }
}

fn one_writer_at_a_time<I: Appends>(mut index: I) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.index");
    let vectors = rows(120);
    index.add(&Rows::new(&vectors)).unwrap();
    index.save_at(&path).unwrap();
    let [mut first, mut second, mut third] = [(); 3].map(|()| I::open_at(&path).unwrap());
    for (index, id) in [(&mut first, 500), (&mut second, 600), (&mut third, 700)] {
        index
            .add(&Rows::new(&vectors[..DIM]).with_ids(&[id]))
            .unwrap();
    }
    // While someone else writes.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.lock().unwrap();
    let before = std::fs::read(&path).unwrap();
    let busy = first.append_it();
    assert!(matches!(busy, Err(StoreError::InUse { file }) if file == path));
    let saved = second.save_at(&path);
    assert!(matches!(saved, Err(StoreError::InUse { file }) if file == path));
    file.unlock().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // While someone else writes what is to take its place.
    let new = folder.path().join("a.index.new");
    let file = std::fs::File::create(&new).unwrap();
    file.lock().unwrap();
    let saved = second.save_at(&path);
    assert!(matches!(saved, Err(StoreError::InUse { file }) if file == new));
    drop(file);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // The first to come is served, twice; who opened the file before that is not.
    first.append_it().unwrap();
    first.remove(&[7]).unwrap();
    first.append_it().unwrap();
    let served = std::fs::read(&path).unwrap();
    for late in [&mut second, &mut index] {
        let stale = late.append_it();
        assert!(matches!(stale, Err(StoreError::Stale { file }) if file == path));
    }
    assert_eq!(std::fs::read(&path).unwrap(), served);
    let all = |index: &I| {
        let query = Query::new(&vectors[..DIM])
            .k(1000)
            .probes(usize::MAX)
            .rerank(1000);
        let mut ids = index.search(&query).unwrap().ids();
        ids.sort_unstable();
        ids
    };
    let there = I::open_at(&path).unwrap();
    assert_eq!(all(&there), all(&first));
    assert!(all(&there).contains(&500) && !all(&there).contains(&600));
    // Another file in its place, with the sequence number that the third one knows.
    let mut other = I::open_at(&path).unwrap();
    other.remove(&[0, 1, 2]).unwrap();
    other.save_at(&path).unwrap();
    let replaced = std::fs::read(&path).unwrap();
    assert!(matches!(third.append_it(), Err(StoreError::Stale { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), replaced);
    assert_eq!(all(&I::open_at(&path).unwrap()), all(&other));
    // What was refused is kept in memory and can be saved elsewhere.
    third.save_at(&folder.path().join("b.index")).unwrap();
    assert!(all(&third).contains(&700));
}

#[test]
fn a_stale_append_is_refused() {
    one_writer_at_a_time(FlatIndex::new(DIM).unwrap());
    let config = IvfConfig {
        lists: Some(5),
        ..IvfConfig::default()
    };
    one_writer_at_a_time(IvfIndex::new(DIM, config).unwrap());
}

/// A removal that meets a damaged block removes nothing.
#[test]
fn a_removal_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.index");
    let vectors = rows(2);
    let mut index = FlatIndex::new(DIM).unwrap();
    index
        .add(&Rows::new(&vectors[..DIM]).with_ids(&[4]))
        .unwrap();
    index.save(&path).unwrap();
    let wide = 0x1234_5678_9abc_def0_u64;
    index
        .add(&Rows::new(&vectors[DIM..]).with_ids(&[wide]))
        .unwrap();
    index.append().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let places: Vec<usize> = (0..bytes.len() - 8)
        .filter(|&at| bytes[at..].starts_with(&wide.to_le_bytes()))
        .collect();
    assert_eq!(places.len(), 1);
    bytes[places[0]] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let mut damaged = FlatIndex::open(&path).unwrap();
    let failed = damaged.remove(&[4, wide]);
    assert!(matches!(failed, Err(AddError::Damaged(_))));
    assert_eq!(damaged.len(), 2);
}

#[test]
fn a_fused_file_answers_as_the_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fused.index");
    let (vectors, places) = (rows(300), places(9, 300));
    let mut parents: Vec<CellId> = places
        .iter()
        .filter_map(|p| p.cell?.parent(Level::new(3).unwrap()))
        .collect();
    parents.sort_unstable();
    parents.dedup();
    parents.truncate(parents.len() / 2);
    let prototypes = data(7, parents.len(), DIM, &[9]);
    let plain = FusedTable::new(DIM, (&parents, &prototypes), (&places, &vectors)).unwrap();
    let none = FusedTable::new(DIM, (&[], &[]), (&places, &vectors)).unwrap();
    for table in [&plain, &plain.clone().with_biases(0.5, -0.25), &none] {
        let index = FusedIndex::new(table).unwrap().with_embedding("two parts");
        index.save(&path).unwrap();
        let opened = FusedIndex::open(&path).unwrap();
        opened.verify().unwrap();
        assert_eq!(opened.embedding(), Some("two parts"));
        let queries: Vec<Query> = queries(&vectors)
            .into_iter()
            .map(|query| query.weights(&[1.0, 0.7]))
            .collect();
        same(&index, &opened, &queries);
        // Damage is refused.
        let whole = std::fs::read(&path).unwrap();
        let mut rng = Rng(3);
        let mut refused = 0;
        for _ in 0..60 {
            let mut bytes = whole.clone();
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
            std::fs::write(&path, &bytes).unwrap();
            let Ok(damaged) = FusedIndex::open(&path) else {
                refused += 1;
                continue;
            };
            for query in &queries {
                match damaged.search(query) {
                    Ok(hits) => assert_eq!(hits, index.search(query).unwrap()),
                    Err(SearchError::Damaged(damage)) => assert_eq!(damage.file, path),
                    Err(other) => panic!("{other}"),
                }
            }
            refused += usize::from(damaged.verify().is_err());
        }
        assert!(refused > 20, "{refused} of 60 refused");
    }
}

#[test]
fn a_file_says_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let (mut flat, vectors) = flat(60);
    flat = flat.with_embedding("model a");
    flat.save(&path).unwrap();
    let stored = StoredIndex::open(&path).unwrap();
    assert!(matches!(stored, StoredIndex::Flat(_)));
    assert_eq!(stored.embedding(), Some("model a"));
    same(&flat, &stored, &queries(&vectors));
    let config = IvfConfig::default();
    let kind = IndexKind::Ivf(config.clone());
    let mut builder = IndexBuilder::open_for(&path, DIM, kind.clone(), "model b").unwrap();
    builder.add(&Rows::new(&vectors)).unwrap();
    builder.checkpoint().unwrap();
    drop(builder);
    // Another model does not go on with the rows of this one.
    let other = IndexBuilder::open_for(&path, DIM, kind.clone(), "model c");
    assert!(matches!(
        other,
        Err(StoreError::OtherBuild {
            what: "embedding",
            ..
        })
    ));
    let builder = IndexBuilder::open_for(&path, DIM, kind, "model b").unwrap();
    assert_eq!(builder.rows(), 60);
    builder.finish(|_| {}).unwrap();
    let stored = StoredIndex::open(&path).unwrap();
    assert!(matches!(stored, StoredIndex::Ivf(_)));
    assert_eq!((stored.embedding(), stored.len()), (Some("model b"), 60));
    assert!(matches!(
        StoredIndex::open(folder.path().join("none")),
        Err(StoreError::Io { .. })
    ));
}

#[test]
fn empty_indexes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    FlatIndex::new(3).unwrap().save(&path).unwrap();
    assert!(FlatIndex::open(&path).unwrap().is_empty());
    IvfIndex::new(3, IvfConfig::default())
        .unwrap()
        .save(&path)
        .unwrap();
    assert!(IvfIndex::open(&path).unwrap().is_empty());
}

/// Opening and searching a changed file: the old answers or an error, never others.
fn harmless(path: &Path, expected: &[geoloc_retrieval::Hits], queries: &[Query]) -> bool {
    let Ok(index) = FlatIndex::open(path) else {
        return false;
    };
    let mut all_well = true;
    for (query, expected) in queries.iter().zip(expected) {
        match index.search(query) {
            Ok(hits) => assert_eq!(&hits, expected),
            Err(SearchError::Damaged(damage)) => {
                assert_eq!(damage.file, path);
                all_well = false;
            }
            Err(other) => panic!("{other}"),
        }
    }
    all_well
}

#[test]
fn damage_is_found_and_never_answered_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.index");
    let (mut index, vectors) = flat(400);
    index.save(&path).unwrap();
    let queries = queries(&vectors);
    let expected: Vec<_> = queries.iter().map(|q| index.search(q).unwrap()).collect();
    assert!(harmless(&path, &expected, &queries));
    let whole = std::fs::read(&path).unwrap();
    let mut rng = Rng(8);
    let (mut refused, mut unread) = (0, 0);
    for _ in 0..400 {
        let mut bytes = whole.clone();
        let at = rng.below(bytes.len());
        bytes[at] ^= 1 << rng.below(8);
        std::fs::write(&path, &bytes).unwrap();
        if harmless(&path, &expected, &queries) {
            unread += 1;
        } else {
            refused += 1;
        }
    }
    println!("{refused} damaged bytes refused, {unread} never used (gaps between sections)");
    assert!(refused > unread);
    for _ in 0..50 {
        std::fs::write(&path, &whole[..rng.below(whole.len())]).unwrap();
        harmless(&path, &expected, &queries);
    }
    let mut later = whole.clone();
    later[8] = 99;
    std::fs::write(&path, &later).unwrap();
    assert!(matches!(
        FlatIndex::open(&path),
        Err(StoreError::Header { .. })
    ));
}

#[test]
fn what_is_no_index_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    assert!(matches!(FlatIndex::open(&path), Err(StoreError::Io { .. })));
    for bytes in [&b""[..], b"GEOLOCIX", &[0; 10_000]] {
        std::fs::write(&path, bytes).unwrap();
        let opened = FlatIndex::open(&path);
        assert!(matches!(
            opened,
            Err(StoreError::Header { .. } | StoreError::Io { .. })
        ));
    }
}

#[test]
fn builder_refuses_what_the_index_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut builder = IndexBuilder::open(&path, 2, IndexKind::Flat).unwrap();
    let nan = builder.add(&Rows::new(&[f32::NAN, 0.0]));
    assert!(matches!(nan, Err(StoreError::Rows(AddError::Vector(_)))));
    builder
        .add(&Rows::new(&[1.0, 0.0, 0.0, 1.0]).with_ids(&[4, 4]))
        .unwrap();
    let twice = builder.finish(|_| {});
    assert!(matches!(
        twice,
        Err(StoreError::Rows(AddError::DuplicateId { id: 4 }))
    ));
    let other = IndexBuilder::open(&path, 3, IndexKind::Flat);
    assert!(matches!(
        other,
        Err(StoreError::OtherBuild { what: "dimension", found, asked, .. })
            if found == "2" && asked == "3"
    ));
}

/// The rows of the build that is killed: many checkpoints.
fn build(path: &Path) {
    let mut builder = IndexBuilder::open(path, DIM, IndexKind::Flat).unwrap();
    let (vectors, places) = (rows(2000), places(9, 2000));
    let start = builder.rows();
    for at in (start..2000).step_by(100) {
        let to = (at + 100).min(2000);
        let block = Rows::new(&vectors[at * DIM..to * DIM]);
        builder.add(&block.with_places(&places[at..to])).unwrap();
        builder.checkpoint().unwrap();
    }
    builder.finish(|_| {}).unwrap();
}

/// Not a test by itself: the process that `fifty_kills_lose_nothing` starts and kills.
#[test]
fn builder_process() {
    if let Ok(path) = std::env::var("GEOLOC_TEST_BUILD") {
        build(&PathBuf::from(path));
    }
}

#[test]
fn fifty_kills_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cells.index");
    let (mut old, _) = flat(300);
    old.save(&path).unwrap();
    let (mut new, vectors) = flat(2000);
    new.seal().unwrap();
    let queries = queries(&vectors);
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "builder_process"])
            .env("GEOLOC_TEST_BUILD", &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut rng = Rng(21);
    let (mut kills, mut finished, mut resumed) = (0, 0, 0);
    while kills < 50 {
        let mut child = start();
        std::thread::sleep(Duration::from_millis(rng.below(60) as u64));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        kills += usize::from(!status.success());
        // The file is the old index or the new one.
        let there = FlatIndex::open(&path).unwrap();
        there.verify().unwrap();
        if there.len() == 2000 {
            same(&there, &new, &queries);
            finished += 1;
            old.save(&path).unwrap();
        } else {
            same(&there, &old, &queries);
            let half = IndexBuilder::open(&path, DIM, IndexKind::Flat).unwrap();
            resumed += usize::from(half.rows() > 0);
        }
    }
    println!("{kills} kills, {resumed} left a build to resume, {finished} builds finished between");
    assert!(resumed > 0);
    assert!(start().wait().unwrap().success());
    same(&FlatIndex::open(&path).unwrap(), &new, &queries);
}

/// Files kept from every format version stay readable. Written by this test when
/// `GEOLOC_WRITE_FIXTURES` is set.
#[test]
fn old_files_stay_readable() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    let vectors = data(1, 40, 8, &[9]);
    let places = places(2, 40);
    let rows = Rows::new(&vectors).with_places(&places);
    let config = IvfConfig {
        lists: Some(3),
        ..IvfConfig::default()
    };
    let mut flat = FlatIndex::new(8).unwrap();
    flat.add(&rows).unwrap();
    flat.seal().unwrap();
    let mut lists = IvfIndex::new(8, config).unwrap();
    lists.add(&rows).unwrap();
    lists.seal().unwrap();
    if std::env::var_os("GEOLOC_WRITE_FIXTURES").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        flat.save(folder.join(format!("flat_v{FORMAT_VERSION}.index")))
            .unwrap();
        lists
            .save(folder.join(format!("ivf_v{FORMAT_VERSION}.index")))
            .unwrap();
    }
    for version in 1..=FORMAT_VERSION {
        let path = folder.join(format!("flat_v{version}.index"));
        let old_flat = FlatIndex::open(&path).unwrap();
        let old_lists = IvfIndex::open(folder.join(format!("ivf_v{version}.index"))).unwrap();
        old_flat.verify().unwrap();
        old_lists.verify().unwrap();
        // An old file may be copied, and grow by what is new.
        let copy = tempfile::tempdir().unwrap();
        let copied = copy.path().join("a.index");
        std::fs::copy(&path, &copied).unwrap();
        let mut grown = FlatIndex::open(&copied).unwrap();
        grown
            .add(&rows.with_ids(&(100..140).collect::<Vec<u64>>()))
            .unwrap();
        grown.append().unwrap();
        grown.save(copy.path().join("b.index")).unwrap();
        let grown = FlatIndex::open(copy.path().join("b.index")).unwrap();
        grown.verify().unwrap();
        let queries: Vec<Query> = vectors
            .chunks_exact(8)
            .map(|row| Query::new(row).k(5))
            .collect();
        for (query, together) in queries.iter().zip(old_flat.search_batch(&queries).unwrap()) {
            let hits = flat.search(query).unwrap().hits;
            assert_eq!(old_flat.search(query).unwrap().hits, hits);
            assert_eq!(together.hits, hits);
            let of_both = grown.search(&query.clone().k(10)).unwrap().ids();
            assert!(
                hits.iter()
                    .all(|hit| { of_both.contains(&hit.id) && of_both.contains(&(hit.id + 100)) })
            );
            let query = query.clone().probes(3).rerank(40);
            assert_eq!(old_lists.search(&query).unwrap().hits, hits);
        }
    }
}

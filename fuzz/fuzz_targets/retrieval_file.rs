//! Any bytes as an index file, and a good file with bytes changed: an error or an answer, no panic.
#![no_main]

use geoloc_retrieval::{
    FlatIndex, FusedIndex, IvfIndex, Query, Rows, StoredIndex, VectorIndex, VectorIndexMut,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<(u32, u8)>, Vec<u8>)| {
    let (changes, bytes) = input;
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let path = folder.path().join("index");
    let mut content = bytes;
    if !changes.is_empty() {
        let Ok(mut index) = FlatIndex::new(3) else { return };
        let rows: Vec<f32> = (0..90).map(|i| (i as f32).sin()).collect();
        if index.add(&Rows::new(&rows)).is_err() || index.save(&path).is_err() {
            return;
        }
        content = std::fs::read(&path).unwrap_or_default();
        for (at, value) in changes {
            let at = at as usize % content.len().max(1);
            if let Some(byte) = content.get_mut(at) {
                *byte ^= value;
            }
        }
    }
    if std::fs::write(&path, &content).is_err() {
        return;
    }
    let query = Query::new(&[0.1, 0.2, 0.3]).k(5);
    if let Ok(index) = FlatIndex::open(&path) {
        let _ = (index.search(&query), index.verify());
    }
    if let Ok(index) = IvfIndex::open(&path) {
        let _ = (index.search(&query), index.verify());
    }
    if let Ok(index) = FusedIndex::open(&path) {
        let _ = (index.search(&query), index.verify());
    }
    if let Ok(index) = StoredIndex::open(&path) {
        let _ = index.search(&query);
    }
});

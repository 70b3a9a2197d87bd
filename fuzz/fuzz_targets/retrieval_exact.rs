//! Certified search against scoring every row, on any finite floats.
#![no_main]

use geoloc_retrieval::{BruteForce, FlatIndex, Kernel, Query, Rows, VectorIndex, VectorIndexMut};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, Vec<f32>)| {
    let (dim, k, values) = input;
    let dim = usize::from(dim % 40) + 1;
    let whole = values.len() / dim * dim;
    let (Ok(mut brute), Ok(mut flat)) = (BruteForce::new(dim), FlatIndex::new(dim)) else {
        return;
    };
    let rows = Rows::new(&values[..whole]);
    // Both take the rows, or both refuse them.
    let taken = brute.add(&rows).is_ok();
    assert_eq!(taken, flat.add(&rows).is_ok());
    if !taken || flat.seal().is_err() || whole == 0 {
        return;
    }
    let query = Query::new(&values[..dim]).k(usize::from(k) + 1);
    for kernel in Kernel::available() {
        flat = flat.with_kernel(kernel);
        match (brute.search(&query), flat.search(&query)) {
            (Ok(expected), Ok(got)) => assert_eq!(expected.hits, got.hits),
            (expected, got) => assert_eq!(expected.is_err(), got.is_err()),
        }
    }
});

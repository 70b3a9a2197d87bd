//! Prototype tables on disk: equal to memory, resumed after a kill, told when damaged.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

mod common;

use std::path::Path;

use common::{cells, numbers};
use geoloc_heads::prototype_table::{Candidates, PrototypeTable, TableConfig, TableError};

const DIM: usize = 8;
const ROWS: usize = 400;

/// One training step, a function of its number.
fn train(table: &mut PrototypeTable, step: u64) -> f64 {
    let targets = [3, (step as usize * 37) % ROWS, 250];
    let sampled = Candidates::Sampled {
        uniform: 30,
        rings: 1,
        seed: step,
    };
    let gradients = table
        .loss(&numbers(3 * DIM, step), &targets, &sampled)
        .unwrap();
    table.update(&gradients, 0.05).unwrap();
    gradients.loss
}

fn content(table: &PrototypeTable) -> Vec<(u32, Vec<u32>)> {
    let bits = |row| {
        table
            .weights(row)
            .unwrap()
            .into_iter()
            .map(f32::to_bits)
            .collect()
    };
    (0..table.len())
        .map(|row| (table.steps(row), bits(row)))
        .collect()
}

fn create(path: &Path) -> PrototypeTable {
    PrototypeTable::create(path, cells(ROWS), TableConfig::new(DIM)).unwrap()
}

#[test]
fn a_file_holds_what_memory_holds_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let mut file = create(&path);
    let mut memory = PrototypeTable::in_memory(cells(ROWS), TableConfig::new(DIM)).unwrap();
    for step in 0..12 {
        let losses = [train(&mut file, step), train(&mut memory, step)];
        assert_eq!(losses[0].to_bits(), losses[1].to_bits());
    }
    assert_eq!(content(&file), content(&memory));
    file.checkpoint(12).unwrap();
    drop(file);
    let mut file = PrototypeTable::open(&path).unwrap();
    assert_eq!((file.step(), content(&file)), (12, content(&memory)));
    assert_eq!(file.cells(), memory.cells());
    file.verify().unwrap();
    // The moments came back as well.
    for step in 12..20 {
        assert_eq!(
            train(&mut file, step).to_bits(),
            train(&mut memory, step).to_bits()
        );
    }
    assert_eq!(content(&file), content(&memory));
}

#[test]
fn a_killed_run_goes_back_to_either_of_two_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let mut table = create(&path);
    let mut states = Vec::new();
    let mut losses = Vec::new();
    for step in 0..20u64 {
        if step % 5 == 0 {
            table.checkpoint(step).unwrap();
            states.push(content(&table));
        }
        losses.push(train(&mut table, step).to_bits());
    }
    // Dropped at step 20 without a checkpoint: the map was written all the same.
    drop(table);
    let mut table = PrototypeTable::open(&path).unwrap();
    assert_eq!((table.step(), content(&table)), (15, states[3].clone()));
    for step in 15..18 {
        assert_eq!(train(&mut table, step).to_bits(), losses[step as usize]);
    }
    drop(table);
    let mut table = PrototypeTable::open_at(&path, 10).unwrap();
    assert_eq!((table.step(), content(&table)), (10, states[2].clone()));
    for step in 10..20 {
        assert_eq!(train(&mut table, step).to_bits(), losses[step as usize]);
    }
    drop(table);
    let error = PrototypeTable::open_at(&path, 5).unwrap_err();
    assert!(
        matches!(
            error,
            TableError::Step {
                asked: 5,
                last: 10,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        content(&PrototypeTable::open_at(&path, 10).unwrap()),
        states[2]
    );
}

#[test]
fn a_journal_cut_short_loses_only_rows_that_had_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let mut table = create(&path);
    train(&mut table, 0);
    table.checkpoint(1).unwrap();
    let state = content(&table);
    train(&mut table, 1);
    drop(table);
    // Killed while a further row was being written down: a part of an entry is at the end.
    let journal = folder.path().join("table.undo1");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes.extend([7; 21]);
    std::fs::write(&journal, &bytes).unwrap();
    assert_eq!(content(&PrototypeTable::open(&path).unwrap()), state);
}

#[test]
fn two_processes_cannot_hold_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let table = create(&path);
    assert!(matches!(
        PrototypeTable::open(&path),
        Err(TableError::InUse { .. })
    ));
    drop(table);
    PrototypeTable::open(&path).unwrap();
    let again = PrototypeTable::create(&path, cells(3), TableConfig::new(2));
    assert!(matches!(again, Err(TableError::Io { .. })));
}

#[test]
fn damage_is_told_by_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let mut table = create(&path);
    train(&mut table, 0);
    table.checkpoint(1).unwrap();
    drop(table);
    let good = std::fs::read(&path).unwrap();
    let open = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        PrototypeTable::open(&path)
    };
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= value;
        bytes
    };
    assert!(matches!(open(b"short"), Err(TableError::NotATable { .. })));
    assert!(matches!(
        open(&with(0, 1)),
        Err(TableError::NotATable { .. })
    ));
    assert!(matches!(
        open(&with(8, 6)),
        Err(TableError::Version { found: 7, .. })
    ));
    for at in [12, 20, 30, 50, 60, 75, 82] {
        let error = open(&with(at, 1)).unwrap_err().to_string();
        assert!(error.ends_with("is damaged: header"), "{at}: {error}");
    }
    assert!(
        open(&with(4096 + 11, 1))
            .unwrap_err()
            .to_string()
            .ends_with("is damaged: cells")
    );
    let short = &good[..good.len() - 1];
    assert!(
        open(short)
            .unwrap_err()
            .to_string()
            .contains("length of the file")
    );

    // Row 3 is a target of every step.
    let record = 4 * (2 + 3 * DIM);
    let start = 4096 + (8 * ROWS).next_multiple_of(4096);
    for at in [0, 5, 8, record - 1] {
        let mut table = open(&with(start + 3 * record + at, 64)).unwrap();
        let error = table.verify().unwrap_err().to_string();
        assert!(error.ends_with("is damaged: row 3"), "{at}: {error}");
        let gradients = table.loss(&[0.5; DIM], &[3], &Candidates::All).unwrap();
        let before = content(&table);
        assert!(matches!(
            table.update(&gradients, 0.1),
            Err(TableError::Damaged { .. })
        ));
        assert_eq!(content(&table), before);
    }
    // An untouched row that is not all zero.
    let untouched = open(&good).unwrap();
    let row = (0..ROWS).find(|&row| untouched.steps(row) == 0).unwrap();
    drop(untouched);
    let error = open(&with(start + row * record + 40, 1))
        .unwrap()
        .verify()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(&format!("is damaged: row {row}"))
    );

    // A journal with a changed byte.
    let mut table = open(&good).unwrap();
    train(&mut table, 1);
    drop(table);
    let journal = folder.path().join("table.undo1");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let error = PrototypeTable::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("table.undo1 is damaged: entry of row"),
        "{error}"
    );
}

/// Headers with numbers that overflow, and a journal of a row that the table does not have, all with right
/// checksums.
#[test]
fn forged_numbers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    drop(create(&path));
    let good = std::fs::read(&path).unwrap();
    let (rows_at, generation_at) = (16, 48);
    for (at, value) in [
        (rows_at, u64::MAX),
        (rows_at, u64::MAX / 8),
        (rows_at, 1 << 60),
        (generation_at, u64::MAX),
    ] {
        let mut bytes = good.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        let sum = xxhash_rust::xxh3::xxh3_64(&bytes[..80]);
        bytes[80..88].copy_from_slice(&sum.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let refused = PrototypeTable::open(&path);
        assert!(matches!(refused, Err(TableError::Damaged { .. })));
    }
    std::fs::write(&path, &good).unwrap();
    let record = vec![0; 4 * (2 + 3 * DIM)];
    let row = ROWS as u64;
    let sum = xxhash_rust::xxh3::xxh3_64(&record) ^ row.rotate_left(41);
    let entry = [&[0; 8][..], &row.to_le_bytes(), &record, &sum.to_le_bytes()].concat();
    std::fs::write(folder.path().join("table.undo0"), entry).unwrap();
    let error = PrototypeTable::open(&path).unwrap_err().to_string();
    assert!(error.ends_with("entry of row 400"), "{error}");
}

#[test]
fn a_new_table_takes_little_room_however_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let mut table = PrototypeTable::create(&path, cells(100_000), TableConfig::new(128)).unwrap();
    let gradients = table.loss(
        &numbers(128, 1),
        &[70_000],
        &Candidates::Sampled {
            uniform: 100,
            rings: 1,
            seed: 0,
        },
    );
    table.update(&gradients.unwrap(), 0.1).unwrap();
    table.checkpoint(1).unwrap();
    let length = std::fs::metadata(&path).unwrap().len();
    assert_eq!(
        length,
        4096 + (800_000u64).next_multiple_of(4096) + 100_000 * 1544
    );
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;
        let held = 512 * std::fs::metadata(&path).unwrap().blocks();
        assert!(held < length / 20, "{held} of {length} bytes");
    }
}

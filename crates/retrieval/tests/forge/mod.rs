//! Changed index files whose checksums are right again, so that the code behind the checksums reads them.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "shared by tests and the fuzz target"
)]

use std::path::Path;
use std::sync::Arc;

use geoloc_geo_cells::{Cap, CellId, LatLng};
use geoloc_retrieval::{
    FlatIndex, FusedIndex, FusedTable, IvfConfig, IvfIndex, ListCodes, Place, Prior, Query, Region,
    Rows, StoredIndex, VectorIndex, VectorIndexMut,
};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes that share one checksum where a section does not say.
const FIRST_BLOCK: usize = 64 << 10;
const HEADER: usize = 56;
const PAGE: usize = 4096;

/// One change to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A number of the table of contents, by its position among them, becomes another.
    Number(u16, u64),
    /// A section (by position) is left out.
    Without(u8),
    /// Eight bytes of a section (by position), from a multiple of four on, become others.
    Bytes(u8, u32, u64),
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Place and length of the table of contents.
fn manifest_of(file: &[u8]) -> Option<(usize, usize, u64)> {
    let headers = [0, PAGE].into_iter().filter_map(|at| {
        let header = file.get(at..at + HEADER)?;
        let right = word(header, 48)? == xxh3_64(&header[..48]);
        right.then_some((word(header, 16)?, word(header, 24)?, word(header, 32)?))
    });
    let (sequence, at, len) = headers.max()?;
    Some((
        usize::try_from(at).ok()?,
        usize::try_from(len).ok()?,
        sequence,
    ))
}

/// All numbers of the table of contents, each with the name of its field.
fn numbers<'a>(name: &str, value: &'a mut Value) -> Vec<(String, &'a mut Value)> {
    match value {
        Value::Number(_) => vec![(name.to_owned(), value)],
        Value::Array(items) => items.iter_mut().flat_map(|v| numbers(name, v)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter_mut();
            fields.flat_map(|(name, v)| numbers(name, v)).collect()
        }
        _ => Vec::new(),
    }
}

/// All tables of sections: the shared one, and one a segment.
fn tables(manifest: &mut Value) -> Vec<&mut serde_json::Map<String, Value>> {
    let Value::Object(fields) = manifest else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("shared", Value::Object(table)) => out.push(table),
            ("segments", Value::Array(segments)) => {
                let tables = segments.iter_mut().filter_map(|s| s.get_mut("sections"));
                out.extend(tables.filter_map(Value::as_object_mut));
            }
            _ => {}
        }
    }
    out
}

fn number(section: &Value, field: &str) -> Option<usize> {
    usize::try_from(section.get(field)?.as_u64()?).ok()
}

/// The bytes of a section, if they are in the file.
fn span(section: &Value, file: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = number(section, "offset")?;
    let end = start.checked_add(number(section, "bytes")?)?;
    (end <= file.len()).then_some(start..end)
}

fn read_manifest(file: &[u8]) -> Option<Value> {
    let (at, len, _) = manifest_of(file)?;
    serde_json::from_slice(file.get(at..at.checked_add(len)?)?).ok()
}

/// The positions of the numbers of a field.
pub fn numbers_named(file: &[u8], field: &str) -> Vec<u16> {
    let mut manifest = read_manifest(file).unwrap_or_default();
    let all = numbers("", &mut manifest);
    let named = all.iter().zip(0..).filter(|((name, _), _)| name == field);
    named.map(|(_, at)| at).collect()
}

/// The position of the last section of a name.
pub fn section_named(file: &[u8], name: &str) -> Option<u8> {
    let mut manifest = read_manifest(file)?;
    let tables = tables(&mut manifest);
    let names: Vec<&String> = tables.iter().flat_map(|t| t.keys()).collect();
    Some(names.iter().rposition(|n| *n == name)? as u8)
}

/// Changes a whole, valid file; `None` if it is none. Checksums are made anew where what they cover is
/// still in the file.
pub fn forge(file: &[u8], changes: &[Change]) -> Option<Vec<u8>> {
    let mut out = file.to_vec();
    let (_, _, sequence) = manifest_of(file)?;
    let mut manifest = read_manifest(file)?;
    for change in changes {
        match *change {
            Change::Bytes(section, at, value) => {
                let mut tables = tables(&mut manifest);
                let all: Vec<_> = tables.iter_mut().flat_map(|t| t.values()).collect();
                let section = all.get(usize::from(section) % all.len().max(1));
                let Some(range) = section.and_then(|s| span(s, &out)) else {
                    continue;
                };
                let bytes = out.get_mut(range)?;
                let at = at as usize % (bytes.len() / 4 + 1) * 4;
                for (byte, new) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()) {
                    *byte = new;
                }
            }
            Change::Without(section) => {
                let mut tables = tables(&mut manifest);
                let count = tables.iter().map(|t| t.len()).sum::<usize>().max(1);
                let mut left = usize::from(section) % count;
                for table in &mut tables {
                    if left < table.len() {
                        let name = table.keys().nth(left).cloned();
                        name.and_then(|name| table.remove(&name));
                        break;
                    }
                    left -= table.len();
                }
            }
            Change::Number(position, value) => {
                let mut all = numbers("", &mut manifest);
                let count = all.len().max(1);
                if let Some((_, number)) = all.get_mut(usize::from(position) % count) {
                    **number = value.into();
                }
            }
        }
    }
    for section in tables(&mut manifest)
        .into_iter()
        .flat_map(|t| t.values_mut())
    {
        let Some(range) = span(section, &out) else {
            continue;
        };
        let block = number(section, "block").filter(|block| (PAGE..=FIRST_BLOCK).contains(block));
        let sums = out[range].chunks(block.unwrap_or(FIRST_BLOCK)).map(xxh3_64);
        let sums: Vec<u8> = sums.flat_map(u64::to_le_bytes).collect();
        if let Some(fields) = section.as_object_mut() {
            fields.insert("sums_hash".to_owned(), xxh3_64(&sums).into());
            out.resize(out.len().next_multiple_of(8), 0);
            fields.insert("sums".to_owned(), out.len().into());
            out.extend(sums);
        }
    }
    let json = serde_json::to_vec(&manifest).ok()?;
    let mut header = file.get(..16)?.to_vec();
    let place = [
        sequence.wrapping_add(1),
        out.len() as u64,
        json.len() as u64,
    ];
    for value in place.into_iter().chain([xxh3_64(&json)]) {
        header.extend(value.to_le_bytes());
    }
    header.extend(xxh3_64(&header).to_le_bytes());
    out.extend(json);
    // Both headers, so that neither the sequence number nor the slot matters.
    for slot in [0, PAGE] {
        out.get_mut(slot..slot + HEADER)?.copy_from_slice(&header);
    }
    Some(out)
}

/// Writes a file of each kind and answers their bytes: flat and lists in two segments with removed rows. The last
/// one is of format 1.
pub fn originals(folder: &Path) -> Option<Vec<Vec<u8>>> {
    let (n, dim) = (40, 5);
    let values = |n: usize| -> Vec<f32> { (0..n * dim).map(|i| (i as f32).sin()).collect() };
    let place = |i: usize| -> Option<Place> {
        let at = i as f64;
        Some(LatLng::new(at - 20.0, 4.0 * at - 80.0).ok()?.into())
    };
    let places: Vec<Place> = (0..n).filter_map(place).collect();
    let (first, second) = (values(n), values(9));
    let path = folder.join("original");
    let mut out = Vec::new();
    let mut flat = FlatIndex::new(dim).ok()?;
    flat.add(&Rows::new(&first).with_places(&places)).ok()?;
    flat.save(&path).ok()?;
    flat.add(&Rows::new(&second)).ok()?;
    flat.remove(&[3, 45]).ok()?;
    flat.append().ok()?;
    out.push(std::fs::read(&path).ok()?);
    for codes in [ListCodes::Int8, ListCodes::FourBit, ListCodes::OneBit] {
        let config = IvfConfig {
            codes,
            lists: Some(4),
            ..IvfConfig::default()
        };
        let mut lists = IvfIndex::new(dim, config).ok()?;
        lists.add(&Rows::new(&first).with_places(&places)).ok()?;
        lists.save(&path).ok()?;
        lists.add(&Rows::new(&second)).ok()?;
        lists.remove(&[3, 45]).ok()?;
        lists.append().ok()?;
        out.push(std::fs::read(&path).ok()?);
    }
    let cells: Vec<CellId> = CellId::faces().into_iter().take(4).collect();
    let table = FusedTable::new(dim, (&cells, &second[..4 * dim]), (&places, &first)).ok()?;
    let table = table.with_biases(0.5, -0.25);
    FusedIndex::new(&table).ok()?.save(&path).ok()?;
    out.push(std::fs::read(&path).ok()?);
    out.push(include_bytes!("../fixtures/flat_v1.index").to_vec());
    Some(out)
}

/// Opens a file as every kind and does all that can be done; answers whether any kind took it.
pub fn exercise(path: &Path) -> bool {
    let mut opened = false;
    if let Ok(mut index) = FlatIndex::open(path) {
        opened = true;
        ask(&index);
        let _ = index.verify();
        change(&mut index);
        let _ = (index.compact(), index.seal());
        ask(&index);
    }
    if let Ok(mut index) = IvfIndex::open(path) {
        opened = true;
        ask(&index);
        let _ = index.verify();
        change(&mut index);
        // Without lists, sealing would train them with the settings of the file, for as long as it says.
        if index.lists() > 0 {
            let _ = index.append();
            ask(&index);
        }
    }
    if let Ok(index) = FusedIndex::open(path) {
        opened = true;
        ask(&index);
        let _ = index.verify();
    }
    if let Ok(index) = StoredIndex::open(path) {
        let _ = (index.embedding(), index.len(), index.dim());
    }
    opened
}

fn change(index: &mut dyn VectorIndexMut) {
    let row: Vec<f32> = (0..index.dim()).map(|i| (i as f32).cos()).collect();
    let _ = index.add(&Rows::new(&row));
    let _ = index.add(&Rows::new(&row).with_ids(&[3]));
    let _ = index.remove(&[0, 1, 2, 41, 42, 43]);
    ask(index);
}

fn ask(index: &dyn VectorIndex) {
    let vector: Vec<f32> = (0..index.dim()).map(|i| (i as f32 + 0.5).sin()).collect();
    let faces = CellId::faces();
    let plain = Query::new(&vector).k(4);
    let two = plain.clone().and(&vector).weights(&[1.0, 0.7]);
    let mut queries = vec![
        plain.clone(),
        two.clone(),
        plain.clone().k(usize::MAX),
        plain.clone().probes(usize::MAX).rerank(usize::MAX),
        plain.clone().region(Region::cells(&faces[1..3])),
        plain.clone().diversity_radius_km(700.0),
        two.clone().distinct_cells(),
    ];
    let weighed = faces.iter().map(|&face| (face, 0.5)).collect::<Vec<_>>();
    if let Ok(prior) = Prior::new(&weighed[..3], 0.1) {
        queries.push(two.prior(Arc::new(prior), 2.0));
    }
    if let Ok(centre) = LatLng::new(5.0, 10.0)
        && let Ok(cap) = Region::cap(&Cap::new(centre, 3000.0))
    {
        queries.push(plain.clone().region(cap));
    }
    for query in &queries {
        let _ = index.search(query);
    }
    let _ = index.search_batch(&queries);
    let _ = index.search_batch(&[plain.clone(), plain.clone().k(9), plain]);
}

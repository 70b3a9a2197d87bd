//! Archives for tests, and for the fuzz target `weights_file`.

/// An uncompressed archive of these entries in one folder, as `torch.save` writes it.
pub(crate) fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut central = Vec::new();
    for (name, bytes) in entries {
        let name = format!("model/{name}");
        let crc = crc32fast::hash(bytes).to_le_bytes();
        let size = (bytes.len() as u32).to_le_bytes();
        let length = (name.len() as u16).to_le_bytes();
        let offset = (file.len() as u32).to_le_bytes();
        // Version, flags, method, time, date.
        let common = [
            [0; 6].as_slice(),
            &[0; 4],
            &crc,
            &size,
            &size,
            &length,
            &[0; 2],
        ]
        .concat();
        file.extend([b"PK\x03\x04".as_slice(), &common, name.as_bytes(), bytes].concat());
        central.extend(
            [
                b"PK\x01\x02\0\0".as_slice(),
                &common,
                &[0; 10],
                &offset,
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let count = (entries.len() as u16).to_le_bytes();
    let size = (central.len() as u32).to_le_bytes();
    let offset = (file.len() as u32).to_le_bytes();
    file.extend(central);
    let end = [
        b"PK\x05\x06\0\0\0\0".as_slice(),
        &count,
        &count,
        &size,
        &offset,
        &[0; 2],
    ];
    file.extend(end.concat());
    file
}

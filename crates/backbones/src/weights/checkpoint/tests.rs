use std::path::PathBuf;

use tempfile::TempDir;

use super::forge::archive;
use super::{Pickled, open, read_scalar};
use crate::weights::WeightsError;
use crate::weights::read::{Unread, read};

fn text(value: &str) -> Vec<u8> {
    [
        b"X",
        (value.len() as u32).to_le_bytes().as_slice(),
        value.as_bytes(),
    ]
    .concat()
}

/// A tensor in storage `key` by its pickle.
fn tensor(kind: &str, key: &str, offset: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let numbers = |values: &[u8]| -> Vec<u8> {
        let items = values.iter().flat_map(|&v| [b'K', v]);
        [b'('].into_iter().chain(items).chain([b't']).collect()
    };
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        format!("ctorch\n{kind}\n").into_bytes(),
        text(key),
        text("cpu"),
        vec![b'K', 0, b't', b'Q', b'K', offset],
        numbers(shape),
        numbers(strides),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

/// A dictionary of one value as a whole pickle.
fn dictionary(key: &str, value: &[u8]) -> Vec<u8> {
    [b"\x80\x02}", text(key).as_slice(), value, b"s."].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

struct File {
    path: PathBuf,
    _folder: TempDir,
}

fn file(bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.pth");
    std::fs::write(&path, bytes).unwrap();
    File {
        path,
        _folder: folder,
    }
}

fn opened(pickle: &[u8], storages: &[(&str, &[u8])]) -> Result<Vec<Pickled>, WeightsError> {
    let entries = [("data.pkl", pickle)].into_iter();
    let entries: Vec<_> = entries.chain(storages.iter().copied()).collect();
    let file = file(&archive(&entries));
    // The archive stays open after the folder is gone.
    open(&file.path)
}

fn numbers(tensor: Pickled) -> Result<Vec<f32>, WeightsError> {
    read(&PathBuf::from("w.pth"), Unread::Pickled(tensor)).map(|t| t.values)
}

#[test]
fn views_are_gathered() {
    let storage = floats(&[0., 1., 2., 3., 4., 5., 6., 7.]);
    for (offset, shape, strides, expected) in [
        (0, [2_u8, 3], [3_u8, 1], [0., 1., 2., 3., 4., 5.]),
        // Transposed, from the second number on.
        (1, [2, 3], [1, 2], [1., 3., 5., 2., 4., 6.]),
    ] {
        let pickle = dictionary("a", &tensor("FloatStorage", "0", offset, &shape, &strides));
        let tensors = opened(&pickle, &[("data/0", &storage)]).unwrap();
        assert_eq!(
            (tensors[0].name.as_str(), &tensors[0].shape[..]),
            ("a", &[2, 3][..])
        );
        assert_eq!(
            numbers(tensors.into_iter().next().unwrap()).unwrap(),
            expected
        );
    }
}

#[test]
fn calls_and_foreign_classes_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let call = [
        b"cposix\nsystem\n(".to_vec(),
        text(&format!("touch {}", trace.display())),
        b"tR".to_vec(),
    ]
    .concat();
    let dropped = [call.as_slice(), b"0}"].concat();
    for (value, class) in [
        (call.clone(), "posix.system"),
        // Even where nothing comes of it.
        (dropped, "posix.system"),
        (b"c__builtin__\neval\n".to_vec(), "__builtin__.eval"),
        // The same with a name from the stack.
        ([text("os"), text("popen"), vec![0x93]].concat(), "os.popen"),
        (
            b"cargparse\nNamespace\n)\x81".to_vec(),
            "argparse.Namespace",
        ),
        (b"ctorch\nload\n".to_vec(), "torch.load"),
        (
            b"ctorch._utils\n_rebuild_qtensor\n".to_vec(),
            "torch._utils._rebuild_qtensor",
        ),
    ] {
        match opened(&dictionary("a", &value), &[]) {
            Err(WeightsError::Code { class: found, path }) => {
                assert_eq!(found, class);
                assert!(path.ends_with("w.pth"));
            }
            other => panic!("{class}: {other:?}"),
        }
    }
    assert!(!trace.exists());
}

#[test]
fn tensors_that_do_not_fit_their_storage_are_named() {
    let storage = floats(&[1., 2., 3., 4.]);
    for (value, expected) in [
        (
            tensor("FloatStorage", "0", 0, &[5], &[1]),
            "beyond its storage",
        ),
        (
            tensor("FloatStorage", "0", 3, &[2], &[1]),
            "beyond its storage",
        ),
        (tensor("FloatStorage", "0", 0, &[9], &[0]), "repeats"),
        (
            tensor("DoubleStorage", "0", 0, &[4], &[1]),
            "beyond its storage",
        ),
        (tensor("FloatStorage", "1", 0, &[1], &[1]), "no storage 1"),
        (tensor("FloatStorage", "0", 0, &[2, 0], &[1, 1]), "empty"),
        (
            tensor("FloatStorage", "0", 0, &[2, 2], &[1]),
            "proper shape",
        ),
    ] {
        let result = opened(&dictionary("layer.weight", &value), &[("data/0", &storage)]);
        match result {
            Err(WeightsError::Damaged { reason, .. }) => {
                assert!(reason.contains(expected), "{reason}");
                let named = reason.contains("layer.weight") || expected == "proper shape";
                assert!(named, "{reason}");
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    let double = dictionary("a", &tensor("DoubleStorage", "0", 0, &[2], &[1]));
    let tensors = opened(&double, &[("data/0", &storage)]).unwrap();
    assert!(matches!(
        numbers(tensors.into_iter().next().unwrap()),
        Err(WeightsError::Number { name, .. }) if name == "a"
    ));
    let holes = dictionary("a", &tensor("FloatStorage", "0", 0, &[2], &[1]));
    let tensors = opened(&holes, &[("data/0", &floats(&[1., f32::NAN]))]).unwrap();
    assert!(matches!(
        numbers(tensors.into_iter().next().unwrap()),
        Err(WeightsError::NotFinite { name, index: 1, .. }) if name == "a"
    ));
}

#[test]
fn pickles_that_make_no_sense_are_errors() {
    let endless: Vec<u8> = b"\x80\x02)"
        .iter()
        .copied()
        .chain(std::iter::repeat_n(0x85, 200_000))
        .chain(*b".")
        .collect();
    // Forty lists, each twice in the next: a trillion values if one counts them all.
    let bomb: Vec<u8> = b"\x80\x02)"
        .iter()
        .copied()
        .chain((0..30).flat_map(|i| [b'q', i, b'h', i, 0x86]))
        .chain(*b".")
        .collect();
    for pickle in [
        b"".as_slice(),
        b".",
        b"\x80\x02}",
        b"\x80\x02t.",
        b"\x80\x02h\x07.",
        b"\x80\x02\xff.",
        b"\x80\x02NK\x01s.",
        b"\x80\x02)K\x01a.",
        b"\x80\x02X\xff\xff\xff\x7fab.",
        b"\x80\x02}NNs.",
        b"\x80\x02ctorch\nSize\nNR.",
        &endless,
        &bomb,
    ] {
        let result = opened(pickle, &[]);
        assert!(
            matches!(result, Err(WeightsError::Damaged { .. })),
            "{:?}: {result:?}",
            &pickle[..pickle.len().min(20)]
        );
    }
}

#[test]
fn pickles_that_would_fill_the_memory_are_refused() {
    // Empty tuples, marks and memories of nothing but one value, more than any checkpoint has.
    for opcode in [b")".as_slice(), b"(", b"N\x94"] {
        let pickle = [b"\x80\x02".as_slice(), &opcode.repeat(5_000_000)].concat();
        let result = opened(&pickle, &[]);
        assert!(
            matches!(&result, Err(WeightsError::Damaged { reason, .. }) if reason.contains("opcodes")),
            "{result:?}"
        );
    }
    let pickle = dictionary("a", &tensor("FloatStorage", "0", 0, &[1; 65], &[1; 65]));
    assert!(matches!(
        opened(&pickle, &[("0", &floats(&[1.0]))]),
        Err(WeightsError::Damaged { reason, .. }) if reason.contains("shape")
    ));
}

/// Bytes changed inside a sound archive: an error or tensors, whose numbers can be read or not, but no panic.
#[test]
fn changed_pickles_are_errors_or_tensors() {
    let storage = floats(&[0., 1., 2., 3., 4., 5., 6., 7.]);
    let whole = dictionary("a", &tensor("FloatStorage", "0", 1, &[2, 3], &[1, 2]));
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let (mut read_again, mut refused) = (0, 0);
    for _ in 0..3000 {
        let mut pickle = whole.clone();
        for _ in 0..=random(3) {
            let at = random(pickle.len());
            pickle[at] = random(256) as u8;
        }
        match opened(&pickle, &[("data/0", &storage)]) {
            Ok(tensors) => {
                read_again += 1;
                let _ = tensors.into_iter().map(numbers).collect::<Vec<_>>();
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read_again > 30 && refused > 1000, "{read_again}, {refused}");
}

#[test]
fn archives_are_read_whole_or_not_at_all() {
    let storage = floats(&[1., 2.]);
    let pickle = dictionary("a", &tensor("FloatStorage", "0", 0, &[2], &[1]));
    let entries = [
        ("data.pkl", pickle.as_slice()),
        ("byteorder", b"little"),
        ("data/0", &storage),
    ];
    let whole = archive(&entries);
    let all = |bytes: &[u8]| -> Result<Vec<f32>, WeightsError> {
        let file = file(bytes);
        let mut values = Vec::new();
        for tensor in open(&file.path)? {
            values.extend(numbers(tensor)?);
        }
        Ok(values)
    };
    assert_eq!(all(&whole).unwrap(), [1., 2.]);
    for length in 0..whole.len() {
        let result = all(&whole[..length]);
        assert!(
            matches!(result, Err(WeightsError::Damaged { .. })),
            "{length}: {result:?}"
        );
    }
    // Any one byte changed gives an error or the same numbers, and never a panic.
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0xff;
        if let Ok(values) = all(&changed) {
            assert!(values == [1., 2.] || values.is_empty(), "{at}: {values:?}");
        }
    }
    let mut big = entries;
    big[1].1 = b"big";
    assert!(matches!(
        all(&archive(&big)),
        Err(WeightsError::Damaged { .. })
    ));
    assert!(matches!(
        all(b"\x80\x02}."),
        Err(WeightsError::Damaged { .. })
    ));
}

#[test]
fn one_number_without_a_name_can_be_read() {
    let scalar = |pickle: &[u8], storage: &[f32]| {
        let storage = floats(storage);
        let file = file(&archive(&[("data.pkl", pickle), ("data/0", &storage)]));
        read_scalar(&file.path)
    };
    let bare = [
        b"\x80\x02",
        tensor("FloatStorage", "0", 0, &[], &[]).as_slice(),
        b".",
    ]
    .concat();
    assert_eq!(scalar(&bare, &[4.6]).unwrap().to_bits(), 4.6_f32.to_bits());
    assert!(matches!(
        scalar(&bare, &[f32::INFINITY]),
        Err(WeightsError::NotFinite { .. })
    ));
    let two = [
        b"\x80\x02",
        tensor("FloatStorage", "0", 0, &[2], &[1]).as_slice(),
        b".",
    ]
    .concat();
    assert!(matches!(
        scalar(&two, &[1., 2.]),
        Err(WeightsError::Damaged { .. })
    ));
    let named = dictionary("a", &tensor("FloatStorage", "0", 0, &[], &[]));
    assert!(matches!(
        scalar(&named, &[1.]),
        Err(WeightsError::Damaged { .. })
    ));
}

/// `make_golden_transformers.py` saved a linear layer, a transposed matrix, half precision and a
/// counter with `PyTorch` itself.
#[test]
fn a_file_of_pytorch_is_read() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoint.pth");
    let mut found = Vec::new();
    for tensor in open(&path).unwrap() {
        let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
        found.push((name, shape, numbers(tensor).ok()));
    }
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "state_dict.fc.bias",
            "state_dict.fc.weight",
            "state_dict.half",
            "state_dict.steps",
            "state_dict.turned"
        ]
    );
    let values = |i: usize| found[i].2.clone();
    assert_eq!(values(0).unwrap(), [0.5, -0.5]);
    assert_eq!(values(1).unwrap(), [0., 1., 2., 3., 4., 5.]);
    assert_eq!(values(2).unwrap(), [0.25]);
    assert_eq!(values(3), None, "integers are refused");
    assert_eq!(found[4].1, [3, 2]);
    assert_eq!(values(4).unwrap(), [0., 3., 1., 4., 2., 5.]);
}

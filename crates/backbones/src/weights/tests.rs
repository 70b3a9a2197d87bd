use std::fs;
use std::path::PathBuf;

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};
use serde_json::json;
use tempfile::TempDir;

use super::{KeyMap, WeightsError, load_weights, sha256_of, verify_sha256};

/// A linear layer, a norm and a matrix of its own.
#[derive(Module, Debug)]
struct Small {
    fc: Linear,
    bn: BatchNorm,
    table: Param<Tensor<2>>,
}

fn small() -> Small {
    let device = Device::flex();
    Small {
        fc: LinearConfig::new(3, 2).init(&device),
        bn: BatchNormConfig::new(2).init(&device),
        table: Param::from_tensor(Tensor::zeros([2, 2], &device)),
    }
}

/// Name, type, shape and bytes.
type Entry = (&'static str, &'static str, Vec<usize>, Vec<u8>);

fn floats(name: &'static str, shape: &[usize], values: &[f32]) -> Entry {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    (name, "F32", shape.to_vec(), bytes)
}

/// The tensors that [`Small`] needs, as `PyTorch` lays them out, and a counter.
fn fitting() -> Vec<Entry> {
    vec![
        floats("fc.weight", &[2, 3], &[1., 2., 3., 4., 5., 6.]),
        floats("fc.bias", &[2], &[7., 8.]),
        floats("bn.weight", &[2], &[1., 2.]),
        floats("bn.bias", &[2], &[3., 4.]),
        floats("bn.running_mean", &[2], &[5., 6.]),
        floats("bn.running_var", &[2], &[7., 8.]),
        floats("table", &[2, 2], &[1., 2., 3., 4.]),
        ("bn.num_batches_tracked", "I64", vec![], vec![0; 8]),
    ]
}

/// The format: length of the header, header, data.
fn bytes_of(entries: &[Entry]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in entries {
        let start = data.len();
        data.extend_from_slice(bytes);
        let offsets = [start, data.len()];
        header.insert(
            (*name).into(),
            json!({"dtype": dtype, "shape": shape, "data_offsets": offsets}),
        );
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(header.as_bytes());
    out.extend(data);
    out
}

struct File {
    path: PathBuf,
    _folder: TempDir,
}

fn file(name: &str, bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    File {
        path,
        _folder: folder,
    }
}

fn keys() -> KeyMap {
    KeyMap::new().drop_suffix(".num_batches_tracked")
}

/// Loads the entries into a fresh module.
fn load(entries: &[Entry], keys: &KeyMap) -> Result<Small, WeightsError> {
    let file = file("w.safetensors", &bytes_of(entries));
    let mut module = small();
    load_weights(&mut module, &file.path, keys).map(|_| module)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn every_tensor_finds_its_place() {
    let file = file("w.safetensors", &bytes_of(&fitting()));
    let mut module = small();
    let report = load_weights(&mut module, &file.path, &keys()).unwrap();
    assert_eq!(report.loaded.len(), 7);
    assert_eq!(report.dropped, ["bn.num_batches_tracked"]);
    assert_eq!(report.sha256, sha256_of(&file.path).unwrap());
    // Burn keeps linear weights as [in, out].
    assert_eq!(values(module.fc.weight.val()), [1., 4., 2., 5., 3., 6.]);
    assert_eq!(values(module.bn.gamma.val()), [1., 2.]);
    assert_eq!(values(module.bn.running_var.value()), [7., 8.]);
    assert_eq!(values(module.table.val()), [1., 2., 3., 4.]);
}

#[test]
fn what_does_not_fit_is_listed_by_name_and_nothing_changes() {
    let mut entries = fitting();
    // Missing: a norm's weight. Extra: a head. Misshapen: the linear weight, transposed.
    entries.retain(|e| e.0 != "bn.weight");
    entries.push(floats("head.weight", &[1], &[1.]));
    entries[0] = floats("fc.weight", &[3, 2], &[0.; 6]);
    let file = file("w.safetensors", &bytes_of(&entries));
    let mut module = small();
    let before = values(module.fc.bias.clone().unwrap().val());
    let error = load_weights(&mut module, &file.path, &keys()).unwrap_err();
    let text = error.to_string();
    let WeightsError::Mismatch {
        missing,
        extra,
        misshapen,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(missing, ["bn.weight"]);
    assert_eq!(extra, ["head.weight"]);
    assert_eq!(misshapen.len(), 1);
    assert_eq!(misshapen[0].name, "fc.weight");
    assert_eq!(misshapen[0].expected, [2, 3]);
    assert_eq!(misshapen[0].found, [3, 2]);
    assert!(
        text.contains("fc.weight [3, 2] instead of [2, 3]"),
        "{text}"
    );
    assert_eq!(values(module.fc.bias.unwrap().val()), before);
    assert_eq!(values(module.table.val()), [0.; 4]);
}

#[test]
fn values_that_are_not_finite_and_other_numbers_are_refused_by_name() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut entries = fitting();
        entries[6] = floats("table", &[2, 2], &[0., 0., bad, 0.]);
        match load(&entries, &keys()) {
            Err(WeightsError::NotFinite { name, index, .. }) => {
                assert_eq!((name.as_str(), index), ("table", 2));
            }
            other => panic!("{other:?}"),
        }
    }
    let mut entries = fitting();
    entries[6] = ("table", "F64", vec![2, 2], vec![0; 32]);
    match load(&entries, &keys()) {
        Err(WeightsError::Number { name, dtype, .. }) => {
            assert_eq!((name.as_str(), dtype), ("table", DType::F64));
        }
        other => panic!("{other:?}"),
    }
    // Without the rule the counter is a tensor of integers without a place.
    assert!(matches!(
        load(&fitting(), &KeyMap::new()),
        Err(WeightsError::Number { name, .. }) if name == "bn.num_batches_tracked"
    ));
}

#[test]
fn half_precision_becomes_single() {
    let mut entries = fitting();
    // 1, -2, 0.5 and 0 in binary16 and in bfloat16.
    for (dtype, words) in [
        ("F16", [0x3c00_u16, 0xc000, 0x3800, 0]),
        ("BF16", [0x3f80, 0xc000, 0x3f00, 0]),
    ] {
        let bytes = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        entries[6] = ("table", dtype, vec![2, 2], bytes);
        let module = load(&entries, &keys()).unwrap();
        assert_eq!(module.table.val().dtype(), DType::F32);
        assert_eq!(values(module.table.val()), [1., -2., 0.5, 0.]);
    }
}

#[test]
fn key_maps_rename_split_and_transpose() {
    let mut entries = fitting();
    entries[6] = floats("model.table", &[2, 2], &[1., 2., 3., 4.]);
    // Weight and bias of the norm in one tensor.
    entries.retain(|e| e.0 != "bn.weight" && e.0 != "bn.bias");
    entries.push(floats("bn.both", &[4], &[1., 2., 3., 4.]));
    let keys = keys()
        .replace("model.", "")
        .transpose("table")
        .split(".both", [".weight", ".bias"]);
    let module = load(&entries, &keys).unwrap();
    assert_eq!(values(module.table.val()), [1., 3., 2., 4.]);
    assert_eq!(values(module.bn.gamma.val()), [1., 2.]);
    assert_eq!(values(module.bn.beta.val()), [3., 4.]);
    let flat = keys.clone().reshape("table", [4]);
    assert!(matches!(
        load(&entries, &flat),
        Err(WeightsError::Mismatch { misshapen, .. }) if misshapen[0].found == [4]
    ));
    let short = keys.clone().reshape("table", [3]);
    assert!(matches!(
        load(&entries, &short),
        Err(WeightsError::Rule { name, .. }) if name == "table"
    ));
    let odd = keys.split("table", ["a", "b", "c"]);
    assert!(matches!(
        load(&entries, &odd),
        Err(WeightsError::Rule { name, .. }) if name == "table"
    ));
    let twice = KeyMap::new()
        .drop_suffix(".num_batches_tracked")
        .rename("fc.bias", "bn.running_mean");
    assert!(matches!(
        load(&fitting(), &twice),
        Err(WeightsError::Duplicate { name, .. }) if name == "bn.running_mean"
    ));
}

#[test]
fn misshapen_norms_have_their_names_in_the_file() {
    let mut entries = fitting();
    entries[2] = floats("bn.weight", &[3], &[1., 2., 3.]);
    match load(&entries, &keys()) {
        Err(WeightsError::Mismatch { misshapen, .. }) => {
            assert_eq!(misshapen[0].name, "bn.weight");
            assert_eq!(
                (&misshapen[0].expected[..], &misshapen[0].found[..]),
                (&[2][..], &[3][..])
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn parts_are_joined_in_their_order() {
    let mut entries = fitting();
    // The linear weight [2, 3] from two rows, named so that the order of names is another one.
    entries[0] = floats("fc.z.weight", &[1, 3], &[1., 2., 3.]);
    entries.push(floats("fc.a.weight", &[1, 3], &[4., 5., 6.]));
    let keys = keys().join([".z.", ".a."], ".");
    let module = load(&entries, &keys).unwrap();
    assert_eq!(values(module.fc.weight.val()), [1., 4., 2., 5., 3., 6.]);
    let mut lacking = entries.clone();
    lacking.pop();
    assert!(matches!(
        load(&lacking, &keys),
        Err(WeightsError::Rule { name, rule, .. }) if name == "fc.weight" && rule.contains(".a.")
    ));
    *entries.last_mut().unwrap() = floats("fc.a.weight", &[1, 2], &[4., 5.]);
    assert!(matches!(
        load(&entries, &keys),
        Err(WeightsError::Rule { name, .. }) if name == "fc.a.weight"
    ));
    // Two tensors that earlier rules give one name are not taken for one.
    *entries.last_mut().unwrap() = floats("fc.a.weight", &[1, 3], &[4., 5., 6.]);
    entries.push(floats("fc.b.weight", &[1, 3], &[7., 8., 9.]));
    let merged = self::keys().replace(".b.", ".a.").join([".z.", ".a."], ".");
    assert!(matches!(
        load(&entries, &merged),
        Err(WeightsError::Rule { name, rule, .. })
            if name == "fc.a.weight" && rule.contains("fc.a.weight is already")
    ));
}

#[test]
fn a_prefix_can_be_taken_off_and_the_rest_set_aside() {
    let entries: Vec<Entry> = fitting()
        .into_iter()
        .map(|(name, dtype, shape, bytes)| {
            let name: &'static str = Box::leak(format!("visual.{name}").into_boxed_str());
            (name, dtype, shape, bytes)
        })
        .chain([floats("text.weight", &[1], &[1.])])
        .collect();
    let file = file("w.safetensors", &bytes_of(&entries));
    let mut module = small();
    let report = load_weights(&mut module, &file.path, &keys().under("visual.")).unwrap();
    assert!(report.dropped.contains(&"text.weight".to_owned()));
    assert_eq!(values(module.table.val()), [1., 2., 3., 4.]);
}

#[test]
fn damaged_files_give_errors_at_any_cut() {
    let whole = bytes_of(&fitting());
    for length in 0..whole.len() {
        let file = file("w.safetensors", &whole[..length]);
        let result = load_weights(&mut small(), &file.path, &keys());
        assert!(
            matches!(
                result,
                Err(WeightsError::Damaged { .. } | WeightsError::Empty { .. })
            ),
            "{length}: {result:?}"
        );
    }
    // A header that claims more than there is.
    let mut lying = whole.clone();
    lying[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let file = file("w.safetensors", &lying);
    let result = load_weights(&mut small(), &file.path, &keys());
    assert!(matches!(result, Err(WeightsError::Damaged { .. })));
}

#[test]
fn burnpack_is_read_in_the_layout_of_burn() {
    let mut trained = small();
    let source = file("w.safetensors", &bytes_of(&fitting()));
    load_weights(&mut trained, &source.path, &keys()).unwrap();
    let saved = trained.clone().into_record().into_bytes().unwrap();
    let packed = file("w.bpk", &saved);
    let mut module = small();
    load_weights(&mut module, &packed.path, &KeyMap::new()).unwrap();
    assert_eq!(values(module.fc.weight.val()), [1., 4., 2., 5., 3., 6.]);
    assert_eq!(values(module.bn.running_mean.value()), [5., 6.]);
    let cut = file("w.bpk", &saved[..saved.len() / 2]);
    let result = load_weights(&mut small(), &cut.path, &KeyMap::new());
    assert!(matches!(result, Err(WeightsError::Damaged { .. })));
}

#[test]
fn files_that_are_not_weights_are_named() {
    let mut module = small();
    let onnx = file("w.onnx", b"PK\x03\x04");
    assert!(matches!(
        load_weights(&mut module, &onnx.path, &keys()),
        Err(WeightsError::UnknownFormat { .. })
    ));
    let pickle = file("w.pth", b"PK\x03\x04");
    assert!(matches!(
        load_weights(&mut module, &pickle.path, &keys()),
        Err(WeightsError::Damaged { .. })
    ));
    let absent = onnx.path.with_file_name("absent.safetensors");
    let error = load_weights(&mut module, &absent, &keys()).unwrap_err();
    assert!(matches!(error, WeightsError::Io { .. }));
    assert!(error.to_string().contains("absent.safetensors"), "{error}");
    let empty = file("w.safetensors", &bytes_of(&[]));
    assert!(matches!(
        load_weights(&mut module, &empty.path, &keys()),
        Err(WeightsError::Empty { .. })
    ));
}

/// Whatever their ending: a pointer of Git LFS, a web page, an answer of a server, any other text.
#[test]
fn text_in_the_place_of_weights_is_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 46830571\n";
    let page = "\u{feff}\n<!DOCTYPE html><html><title>Sign in</title></html>";
    let long = "é".repeat(600);
    let cases = [
        (pointer, "git lfs pull"),
        (page, "web page"),
        ("{\"error\": \"Access denied\"}", "text"),
        (long.as_str(), "text"),
    ];
    for (content, wanted) in cases {
        for name in ["w.pth", "w.pt", "w.safetensors", "w.bpk"] {
            let file = file(name, content.as_bytes());
            let error = load_weights(&mut small(), &file.path, &keys()).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, WeightsError::Text { .. }), "{name}: {text}");
            assert!(text.contains(name) && text.contains(wanted), "{text}");
        }
        let file = file("scale.pth", content.as_bytes());
        let error = super::read_scalar(&file.path).unwrap_err();
        assert!(matches!(error, WeightsError::Text { .. }), "{error}");
    }
}

#[test]
fn a_negative_variance_is_refused_by_name() {
    let mut entries = fitting();
    entries[5] = floats("bn.running_var", &[2], &[7., -1e-3]);
    match load(&entries, &keys()) {
        Err(WeightsError::Negative {
            name, index, value, ..
        }) => assert_eq!((name.as_str(), index, value), ("bn.running_var", 1, -1e-3)),
        other => panic!("{other:?}"),
    }
    // Nothing that a norm takes the root of.
    entries[5] = floats("bn.running_var", &[2], &[0., 1.]);
    entries[6] = floats("table", &[2, 2], &[-1.; 4]);
    load(&entries, &keys()).unwrap();
}

/// Prefixes that wrappers leave, alone and inside each other, before a map whose rules name whole tensors.
#[test]
fn wrapped_names_are_found_and_taken_off() {
    let keys = keys().rename("matrix", "table");
    for prefix in [
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "state_dict.model.",
    ] {
        let wrapped = |name: &str| -> &'static str {
            let name = if name == "table" { "matrix" } else { name };
            Box::leak(format!("{prefix}{name}").into_boxed_str())
        };
        let mut entries: Vec<Entry> = fitting();
        for entry in &mut entries {
            entry.0 = wrapped(entry.0);
        }
        let error = load(&entries, &keys).unwrap_err();
        let text = error.to_string();
        match error {
            WeightsError::Mismatch { prefix: found, .. } => {
                assert_eq!(found.as_deref(), Some(prefix), "{text}");
                assert!(text.contains(&format!("begin with {prefix:?}")), "{text}");
            }
            other => panic!("{other:?}"),
        }
        let module = load(&entries, &keys.clone().within(prefix)).unwrap();
        assert_eq!(values(module.table.val()), [1., 2., 3., 4.]);
        assert_eq!(values(module.bn.running_var.value()), [7., 8.]);
    }
    // No prefix is named where there is none.
    let mut entries = fitting();
    entries[6] = floats("other.tables", &[2, 2], &[1.; 4]);
    assert!(matches!(
        load(&entries, &self::keys()),
        Err(WeightsError::Mismatch { prefix: None, .. })
    ));
}

#[test]
fn checksums_are_those_of_the_standard() {
    // FIPS 180-2, appendix B.1.
    let expected = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
    let file = file("abc.txt", b"abc");
    verify_sha256(&file.path, expected).unwrap();
    verify_sha256(&file.path, &expected[..8]).unwrap();
    for short in ["", &expected[..7]] {
        assert!(verify_sha256(&file.path, short).is_err(), "{short:?}");
    }
    assert!(verify_sha256(&file.path, &format!("{expected}0")).is_err());
    let wrong = expected.replace('B', "C");
    assert!(matches!(
        verify_sha256(&file.path, &wrong),
        Err(WeightsError::Checksum { found, .. }) if found == expected.to_lowercase()
    ));
}

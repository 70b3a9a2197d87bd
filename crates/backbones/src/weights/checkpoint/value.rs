//! What the pickle of a checkpoint can hold.

use std::rc::Rc;

use burn::tensor::DType;

/// A value. Tuples, lists and dictionaries are places in [`Pickle::heap`]: the pickler fills them
/// after it has remembered them, and a hostile file can nest them without end.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Text(Rc<str>),
    Tuple(usize),
    List(usize),
    /// Keys and values in turns.
    Dict(usize),
    Class(Class),
    Storage(Rc<Storage>),
    Tensor(Rc<View>),
}

/// A name that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    StorageOf(DType),
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    Size,
}

/// Numbers in the archive.
#[derive(Debug)]
pub(super) struct Storage {
    pub(super) dtype: DType,
    pub(super) key: Rc<str>,
}

/// A tensor in a storage; offset and strides count numbers.
#[derive(Debug)]
pub(super) struct View {
    pub(super) storage: Rc<Storage>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float => "a float",
            Self::Text(_) => "a text",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Class(_) => "a class",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

impl Class {
    pub(super) fn known(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch", "Size") => Self::Size,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", storage) => Self::StorageOf(match storage {
                "FloatStorage" => DType::F32,
                "HalfStorage" => DType::F16,
                "BFloat16Storage" => DType::BF16,
                "DoubleStorage" => DType::F64,
                "LongStorage" => DType::I64,
                "IntStorage" => DType::I32,
                "ShortStorage" => DType::I16,
                "CharStorage" => DType::I8,
                "ByteStorage" | "BoolStorage" => DType::U8,
                _ => return None,
            }),
            _ => return None,
        })
    }
}

/// What a pickle leaves.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) root: Value,
    pub(super) heap: Vec<Vec<Value>>,
}

impl Pickle {
    /// The items of a tuple, list or dictionary.
    pub(super) fn items(&self, place: usize) -> &[Value] {
        self.heap.get(place).map_or(&[], Vec::as_slice)
    }
}

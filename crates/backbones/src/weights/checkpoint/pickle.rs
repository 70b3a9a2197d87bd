//! The pickle of a checkpoint as plain values.
//!
//! The opcodes are those that Python's pickler emits at protocols 2 to 5 for dictionaries, lists,
//! tuples, strings and numbers, and for tensors as `torch.save` describes them.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::value::{Class, Pickle, Storage, Value, View};
use super::{damaged, refused, unexpected};
use crate::weights::WeightsError;

/// Most opcodes that are run. Each makes at most one value, so this bounds the memory: some hundred bytes
/// an opcode. A tensor takes about thirty.
const MOST_OPCODES: usize = 1 << 22;
/// Most axes of a tensor.
const MOST_AXES: usize = 64;

/// Runs through a pickle.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Pickle, WeightsError> {
    let mut machine = Machine {
        path,
        bytes,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Vec::new(),
    };
    for _ in 0..MOST_OPCODES {
        if let Some(root) = machine.step()? {
            let heap = machine.heap;
            return Ok(Pickle { root, heap });
        }
    }
    let reason = format!("its pickle has more than {MOST_OPCODES} opcodes");
    Err(damaged(path, reason))
}

struct Machine<'a> {
    path: &'a Path,
    /// What is left.
    bytes: &'a [u8],
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    heap: Vec<Vec<Value>>,
}

impl<'a> Machine<'a> {
    /// One opcode; the last one gives the result.
    fn step(&mut self) -> Result<Option<Value>, WeightsError> {
        let opcode = self.number(1)? as u8;
        let pushed = match opcode {
            b'.' => return self.pop().map(Some),
            // PROTO and FRAME.
            0x80 => return self.take(1).map(|_| None),
            0x95 => return self.take(8).map(|_| None),
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(None);
            }
            b'N' => Value::None,
            0x88 | 0x89 => Value::Bool,
            b'J' => Value::Int(i64::from(self.number(4)? as u32 as i32)),
            b'K' => Value::Int(self.number(1)? as i64),
            b'M' => Value::Int(self.number(2)? as i64),
            0x8a => self.long()?,
            b'G' => self.take(8).map(|_| Value::Float)?,
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            b'}' => Value::Dict(self.place(Vec::new())),
            b']' => Value::List(self.place(Vec::new())),
            b')' => Value::Tuple(self.place(Vec::new())),
            b't' => {
                let items = self.since_mark()?;
                Value::Tuple(self.place(items))
            }
            0x85..=0x87 => {
                let length = usize::from(opcode - 0x84);
                let from = self.stack.len().checked_sub(length);
                let from = from.ok_or_else(|| self.underflow())?;
                let items = self.stack.split_off(from);
                Value::Tuple(self.place(items))
            }
            b'q' => return self.remember(1),
            b'r' => return self.remember(4),
            0x94 => {
                let at = self.memo.len() as u32;
                return self.keep(at);
            }
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.class(&module, &name)?
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (&module, &name) {
                    (Value::Text(module), Value::Text(name)) => self.class(module, name)?,
                    _ => return Err(unexpected(self.path, "the name of a class", &name)),
                }
            }
            b'Q' => self.persistent()?,
            b'R' => self.call()?,
            b'a' | b'e' | b's' | b'u' | b'b' => return self.fill(opcode).map(|()| None),
            other => {
                let reason = format!("its pickle has the unknown opcode 0x{other:02x}");
                return Err(damaged(self.path, reason));
            }
        };
        self.stack.push(pushed);
        Ok(None)
    }

    /// Opcodes that put values into the one below them.
    fn fill(&mut self, opcode: u8) -> Result<(), WeightsError> {
        let mut values = match opcode {
            b'e' | b'u' => self.since_mark()?,
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
            _ => vec![self.pop()?],
        };
        let Some(target) = self.stack.last() else {
            return Err(self.underflow());
        };
        match (opcode, target) {
            (b'a' | b'e', &Value::List(place)) => self.extend(place, &mut values),
            (b's' | b'u', &Value::Dict(place)) if values.len().is_multiple_of(2) => {
                self.extend(place, &mut values);
            }
            // Attributes of a state dictionary: version numbers of its modules.
            (b'b', Value::Dict(_)) => {}
            (_, target) => return Err(unexpected(self.path, "a container", target)),
        }
        Ok(())
    }

    fn extend(&mut self, place: usize, values: &mut Vec<Value>) {
        if let Some(items) = self.heap.get_mut(place) {
            items.append(values);
        }
    }

    fn place(&mut self, items: Vec<Value>) -> usize {
        self.heap.push(items);
        self.heap.len() - 1
    }

    /// The items of a tuple.
    fn tuple(&self, value: &Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(place) => self.heap.get(*place).map(Vec::as_slice),
            _ => None,
        }
    }

    fn class(&self, module: &str, name: &str) -> Result<Value, WeightsError> {
        Class::known(module, name)
            .map(Value::Class)
            .ok_or_else(|| refused(self.path, &format!("{module}.{name}")))
    }

    /// `('storage', class, key, device, count)`.
    fn persistent(&mut self) -> Result<Value, WeightsError> {
        let id = self.pop()?;
        if let Some(
            [
                Value::Text(kind),
                Value::Class(Class::StorageOf(dtype)),
                Value::Text(key),
                _,
                _,
            ],
        ) = self.tuple(&id)
            && &**kind == "storage"
        {
            return Ok(Value::Storage(Rc::new(Storage {
                dtype: *dtype,
                key: key.clone(),
            })));
        }
        Err(unexpected(self.path, "the name of a storage", &id))
    }

    fn call(&mut self) -> Result<Value, WeightsError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Some(items) = self.tuple(&arguments) else {
            return Err(unexpected(self.path, "the arguments of a call", &arguments));
        };
        match (&function, items) {
            (Value::Class(Class::OrderedDict), []) => Ok(Value::Dict(self.place(Vec::new()))),
            (Value::Class(Class::Size), [sizes]) => Ok(sizes.clone()),
            (Value::Class(Class::RebuildParameter), [tensor @ Value::Tensor(_), ..]) => {
                Ok(tensor.clone())
            }
            (
                Value::Class(Class::RebuildTensor),
                [
                    Value::Storage(storage),
                    Value::Int(offset),
                    shape,
                    strides,
                    ..,
                ],
            ) => {
                let numbers = |values: &Value| -> Option<Vec<usize>> {
                    let number = |value: &Value| match value {
                        Value::Int(i) => usize::try_from(*i).ok(),
                        _ => None,
                    };
                    let axes = self.tuple(values)?;
                    // A long tuple can be recalled for a shape again and again.
                    if axes.len() > MOST_AXES {
                        return None;
                    }
                    axes.iter().map(number).collect()
                };
                let offset = usize::try_from(*offset).ok();
                match (offset, numbers(shape), numbers(strides)) {
                    (Some(offset), Some(shape), Some(strides)) if shape.len() == strides.len() => {
                        Ok(Value::Tensor(Rc::new(View {
                            storage: storage.clone(),
                            offset,
                            shape,
                            strides,
                        })))
                    }
                    _ => Err(damaged(self.path, "a tensor has no proper shape".into())),
                }
            }
            _ => Err(unexpected(self.path, "a call", &function)),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WeightsError> {
        match self.bytes.split_at_checked(count) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => Err(damaged(self.path, "its pickle is cut short".into())),
        }
    }

    /// An unsigned little-endian number.
    fn number(&mut self, width: usize) -> Result<u64, WeightsError> {
        let bytes = self.take(width)?.iter().enumerate();
        Ok(bytes.fold(0, |sum, (i, &b)| sum | u64::from(b) << (8 * i)))
    }

    /// LONG1: up to 255 bytes; those beyond 8 are nothing that a tensor needs.
    fn long(&mut self) -> Result<Value, WeightsError> {
        let width = self.number(1)? as usize;
        let bytes = self.take(width)?;
        let mut wide = match bytes.last() {
            Some(&top) if top >= 0x80 => [0xff; 8],
            _ => [0; 8],
        };
        if width > wide.len() {
            return Ok(Value::None);
        }
        wide.iter_mut()
            .zip(bytes)
            .for_each(|(to, &from)| *to = from);
        Ok(Value::Int(i64::from_le_bytes(wide)))
    }

    fn text(&mut self, width: usize) -> Result<Value, WeightsError> {
        let length = self.number(width)? as usize;
        let bytes = self.take(length)?;
        Ok(Value::Text(String::from_utf8_lossy(bytes).into()))
    }

    fn line(&mut self) -> Result<String, WeightsError> {
        let length = self.bytes.iter().position(|&b| b == b'\n');
        let length = length.ok_or_else(|| damaged(self.path, "its pickle is cut short".into()))?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(line)
    }

    fn pop(&mut self) -> Result<Value, WeightsError> {
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, WeightsError> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.underflow()),
        }
    }

    fn remember(&mut self, width: usize) -> Result<Option<Value>, WeightsError> {
        let at = self.number(width)? as u32;
        self.keep(at)
    }

    fn keep(&mut self, at: u32) -> Result<Option<Value>, WeightsError> {
        let Some(value) = self.stack.last().cloned() else {
            return Err(self.underflow());
        };
        self.memo.insert(at, value);
        Ok(None)
    }

    fn recall(&mut self, width: usize) -> Result<Value, WeightsError> {
        let at = self.number(width)? as u32;
        let value = self.memo.get(&at).cloned();
        value.ok_or_else(|| damaged(self.path, format!("its pickle recalls nothing at {at}")))
    }

    fn underflow(&self) -> WeightsError {
        damaged(self.path, "its pickle takes more than it has".into())
    }
}

//! The collections of the stub.

use std::collections::{BTreeMap, HashMap, HashSet};

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Condition, CreateCollection, Filter, Value};
use tonic::Status;

#[derive(Debug)]
pub struct Point {
    pub values: Vec<f32>,
    pub payload: HashMap<String, Value>,
}

#[derive(Debug)]
pub struct Collection {
    pub made_as: CreateCollection,
    pub points: BTreeMap<u64, Point>,
    pub indexed: HashSet<String>,
}

#[derive(Debug, Default)]
pub struct Store {
    pub collections: HashMap<String, Collection>,
}

impl Store {
    pub fn get(&mut self, name: &str) -> Result<&mut Collection, Status> {
        let missing = || Status::not_found(format!("Collection `{name}` doesn't exist!"));
        self.collections.get_mut(name).ok_or_else(missing)
    }
}

impl Point {
    /// Numbers are compared as f64, whatever they are.
    fn number(&self, key: &str) -> Option<f64> {
        match self.payload.get(key)?.kind {
            Some(Kind::IntegerValue(n)) => Some(n as f64),
            Some(Kind::DoubleValue(x)) => Some(x),
            _ => None,
        }
    }

    pub fn passes(&self, filter: Option<&Filter>) -> bool {
        let Some(filter) = filter else { return true };
        let must = filter.must.iter().all(|c| self.meets(c));
        // No conditions let everything pass.
        let should = filter.should.is_empty() || filter.should.iter().any(|c| self.meets(c));
        must && should && filter.must_not.is_empty()
    }

    fn meets(&self, condition: &Condition) -> bool {
        match condition.condition_one_of.as_ref().unwrap() {
            ConditionOneOf::Field(field) => {
                let range = field.range.unwrap();
                self.number(&field.key).is_some_and(|x| {
                    range.gte.is_none_or(|low| x >= low) && range.lte.is_none_or(|high| x <= high)
                })
            }
            ConditionOneOf::IsEmpty(empty) => !self.payload.contains_key(&empty.key),
            other => panic!("the stub does not know {other:?}"),
        }
    }

    pub fn score(&self, query: &[f32]) -> f32 {
        self.values.iter().zip(query).map(|(x, q)| x * q).sum()
    }
}

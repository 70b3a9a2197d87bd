//! The prototype table against its definition, dense tables and burn.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

mod common;

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor, TensorData, activation::log_softmax};
use common::{cells, numbers};
use geoloc_geo_cells::CellId;
use geoloc_heads::prototype_table::{
    BatchGradients, Candidates, PrototypeTable, TableConfig, TableError, prototype_loss,
    spatial_neighbours,
};

fn config(dim: usize) -> TableConfig {
    TableConfig {
        scale: 8.0,
        seed: 3,
        ..TableConfig::new(dim)
    }
}

fn table(rows: usize, dim: usize) -> PrototypeTable {
    PrototypeTable::in_memory(cells(rows), config(dim)).unwrap()
}

/// The definition, in f64: mean over queries of -log softmax(scale q·w/|w| + correction) at the target,
/// over the rows with a correction.
fn dense(q: &[f64], w: &[f64], targets: &[usize], corrections: &[Option<f64>], scale: f64) -> f64 {
    let dim = q.len() / targets.len();
    let mut total = 0.0;
    for (query, &target) in q.chunks_exact(dim).zip(targets) {
        let logit = |(row, raise): (&[f64], &Option<f64>)| {
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            let cosine = row.iter().zip(query).map(|(a, b)| a * b).sum::<f64>() / length;
            raise.map(|raise| scale * cosine + raise)
        };
        let logits: Vec<Option<f64>> = w.chunks_exact(dim).zip(corrections).map(logit).collect();
        let sum: f64 = logits.iter().flatten().map(|l| l.exp()).sum();
        total += sum.ln() - logits[target].unwrap();
    }
    total / targets.len() as f64
}

/// Central differences of the definition.
fn slope(values: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let h = 1e-6;
    (0..values.len())
        .map(|i| {
            let at = |step: f64| {
                let mut moved = values.to_vec();
                moved[i] += step;
                loss(&moved)
            };
            (at(h) - at(-h)) / (2.0 * h)
        })
        .collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

fn weights(table: &PrototypeTable) -> Vec<f32> {
    (0..table.len())
        .flat_map(|row| table.weights(row).unwrap())
        .collect()
}

fn close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*f) - e).abs() < tolerance, "{i}: {f} {e}");
    }
}

/// A table some steps away from its start, so that rows are not of unit length.
fn trained(rows: usize, dim: usize) -> PrototypeTable {
    let mut table = table(rows, dim);
    for step in 0..3 {
        let queries = numbers(4 * dim, 100 + step);
        let gradients = table
            .loss(&queries, &[0, 2, 5, 2], &Candidates::All)
            .unwrap();
        table.update(&gradients, 0.2).unwrap();
    }
    table
}

#[test]
fn loss_and_gradients_are_those_of_the_definition() {
    let (rows, dim) = (40, 6);
    let table = trained(rows, dim);
    let targets = [3, 39, 3, 17, 0];
    let q = numbers(targets.len() * dim, 1);
    let w = weights(&table);
    let (q64, w64) = (wide(&q), wide(&w));
    let all = vec![Some(0.0); rows];
    let found = table.loss(&q, &targets, &Candidates::All).unwrap();
    let value = |q: &[f64], w: &[f64], scale| dense(q, w, &targets, &all, scale);
    assert!((found.loss - value(&q64, &w64, 8.0)).abs() < 1e-5);
    assert!((found.loss - found.losses.iter().sum::<f64>() / 5.0).abs() < 1e-12);
    close(&found.queries, &slope(&q64, |q| value(q, &w64, 8.0)), 1e-5);
    close(
        &found.row_gradients,
        &slope(&w64, |w| value(&q64, w, 8.0)),
        1e-5,
    );
    let scale = slope(&[8.0], |s| value(&q64, &w64, s[0]));
    assert!((found.scale - scale[0]).abs() < 1e-5);
    assert_eq!(found.rows, (0..rows).collect::<Vec<_>>());
}

#[test]
fn a_sample_has_the_gradients_of_its_own_definition() {
    let (rows, dim) = (300, 5);
    let table = trained(rows, dim);
    let targets = [3, 250, 90];
    let q = numbers(targets.len() * dim, 2);
    let sampled = Candidates::Sampled {
        uniform: 20,
        rings: 1,
        seed: 9,
    };
    let found = table.loss(&q, &targets, &sampled).unwrap();
    let near: BTreeSet<usize> = targets
        .iter()
        .flat_map(|&row| spatial_neighbours(table.cells()[row], 1))
        .filter_map(|cell| table.row_of(cell))
        .chain(targets)
        .collect();
    assert!(near.len() > 12, "the targets have neighbours in the table");
    assert_eq!(found.rows.len(), near.len() + 20);
    assert!(near.iter().all(|row| found.rows.contains(row)));
    let raise = ((rows - near.len()) as f64 / 20.0).ln();
    let mut corrections = vec![None; rows];
    for row in &found.rows {
        corrections[*row] = Some(if near.contains(row) { 0.0 } else { raise });
    }
    let (q64, w64) = (wide(&q), wide(&weights(&table)));
    let value = |q: &[f64], w: &[f64]| dense(q, w, &targets, &corrections, 8.0);
    assert!((found.loss - value(&q64, &w64)).abs() < 1e-5);
    close(&found.queries, &slope(&q64, |q| value(q, &w64)), 1e-5);
    let expected = slope(&w64, |w| value(&q64, w));
    for (row, gradient) in found.rows.iter().zip(found.row_gradients.chunks_exact(dim)) {
        close(gradient, &expected[row * dim..(row + 1) * dim], 1e-5);
    }
}

#[test]
fn the_number_of_shards_changes_nothing_but_rounding() {
    let dim = 8;
    let targets = [3, 4999, 2600, 3, 2048];
    let q = numbers(targets.len() * dim, 4);
    let sampled = Candidates::Sampled {
        uniform: 700,
        rings: 2,
        seed: 1,
    };
    for candidates in [Candidates::All, sampled] {
        let one = table(5000, dim)
            .with_shards(1)
            .loss(&q, &targets, &candidates)
            .unwrap();
        for shards in [2, 7, 64, 9000] {
            let table = table(5000, dim).with_shards(shards);
            assert_eq!(table.shards().map(|s| s.len()).sum::<usize>(), 5000);
            let many = table.loss(&q, &targets, &candidates).unwrap();
            assert!((one.loss - many.loss).abs() < 1e-6);
            assert_eq!(one.rows, many.rows);
            close(&many.queries, &wide(&one.queries), 1e-5);
            close(&many.row_gradients, &wide(&one.row_gradients), 1e-6);
        }
    }
}

#[test]
fn a_sample_of_everything_is_exact() {
    let dim = 8;
    let table = trained(500, dim);
    let targets = [3, 400, 77];
    let q = numbers(targets.len() * dim, 4);
    let exact = table.loss(&q, &targets, &Candidates::All).unwrap();
    for (uniform, rings) in [(500, 0), (10_000, 1)] {
        let seed = 5;
        let full = Candidates::Sampled {
            uniform,
            rings,
            seed,
        };
        assert_eq!(table.loss(&q, &targets, &full).unwrap(), exact);
    }
}

#[test]
fn the_corrected_sample_has_the_right_sum_on_average() {
    let (rows, dim, targets) = (400, 4, [7]);
    let table = table(rows, dim);
    let q = numbers(dim, 4);
    let exact = table.loss(&q, &targets, &Candidates::All).unwrap().loss;
    let own = f64::from(table.config().scale)
        * table
            .prototype(7)
            .unwrap()
            .iter()
            .zip(&q)
            .map(|(a, b)| f64::from(a * b))
            .sum::<f64>();
    // exp(loss + own logit) is the sum of exponentials.
    let draws = 4000;
    let mut sum = 0.0;
    let mut seen = vec![0; rows];
    for seed in 0..draws {
        let sampled = Candidates::Sampled {
            uniform: 40,
            rings: 0,
            seed,
        };
        let found = table.loss(&q, &targets, &sampled).unwrap();
        assert_eq!(found.rows.len(), 41);
        sum += (found.loss + own).exp() / draws as f64;
        found.rows.iter().for_each(|&row| seen[row] += 1);
    }
    let relative = sum / (exact + own).exp() - 1.0;
    assert!(relative.abs() < 0.03, "{relative}");
    // Each other row is drawn with probability 40 / 399: 401 ± 19 times.
    let others = (0..rows).filter(|&row| row != 7).map(|row| seen[row]);
    assert!(
        others.clone().all(|n| (310..=500).contains(&n)),
        "{:?}",
        others.collect::<Vec<_>>()
    );
}

#[test]
fn neighbours_share_an_edge_or_a_corner() {
    let cell = cells(1)[0];
    let ring = spatial_neighbours(cell, 1);
    assert_eq!(ring.len(), 8);
    let touches = |other: &CellId| {
        other.corners().iter().any(|a| {
            cell.corners()
                .iter()
                .any(|b| a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-12))
        })
    };
    assert!(ring.iter().all(touches));
    assert_eq!(spatial_neighbours(cell, 2).len(), 24);
    assert!(spatial_neighbours(cell, 0).is_empty());
    // Three cells meet at a corner of the cube.
    let corner = CellId::from_face(0).unwrap();
    let corner = (0..5).fold(corner, |c, _| c.children().unwrap()[0]);
    assert_eq!(spatial_neighbours(corner, 1).len(), 7);
}

#[test]
fn adam_by_rows_is_adam_where_every_step_touches_all() {
    let (rows, dim, rate) = (12, 4, 0.05);
    let mut table = table(rows, dim);
    let config = *table.config();
    let mut w = wide(&weights(&table));
    let (mut m, mut v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    for t in 1..=20 {
        let q = numbers(3 * dim, t);
        let gradients = table.loss(&q, &[1, 5, 11], &Candidates::All).unwrap();
        table.update(&gradients, rate).unwrap();
        let (b1, b2) = (f64::from(config.beta1), f64::from(config.beta2));
        for (i, g) in wide(&gradients.row_gradients).into_iter().enumerate() {
            m[i] = b1 * m[i] + (1.0 - b1) * g;
            v[i] = b2 * v[i] + (1.0 - b2) * g * g;
            let (mc, vc) = (
                m[i] / (1.0 - b1.powi(t as i32)),
                v[i] / (1.0 - b2.powi(t as i32)),
            );
            w[i] -= rate * mc / (vc.sqrt() + f64::from(config.epsilon));
        }
    }
    // Gradients near zero make the quotient sensitive to rounding.
    close(&weights(&table), &w, 1e-4);
}

#[test]
fn untouched_rows_stay_and_the_first_touch_is_a_full_step() {
    let mut table = table(200, 4);
    let before = weights(&table);
    let none = Candidates::Sampled {
        uniform: 3,
        rings: 0,
        seed: 1,
    };
    let rate = 0.01;
    for step in 0..30 {
        let gradients = table.loss(&numbers(4, step), &[10], &none).unwrap();
        table.update(&gradients, rate).unwrap();
    }
    assert_eq!(table.steps(10), 30);
    let last = table.loss(&numbers(4, 99), &[150], &none).unwrap();
    let fresh: Vec<usize> = last
        .rows
        .iter()
        .copied()
        .filter(|&r| table.steps(r) == 0)
        .collect();
    assert!(fresh.contains(&150));
    for row in (0..200).filter(|&row| table.steps(row) == 0) {
        assert_eq!(table.weights(row).unwrap(), before[4 * row..4 * row + 4]);
    }
    table.update(&last, rate).unwrap();
    // |step| = rate whatever the gradient, since the bias is corrected by the row's own count.
    let moved = table.weights(150).unwrap();
    let gradient = &last.row_gradients[4 * last.rows.binary_search(&150).unwrap()..][..4];
    for ((a, b), g) in moved.iter().zip(&before[600..604]).zip(gradient) {
        assert!(g.abs() > 1e-4, "the test needs a gradient");
        assert!(((b - a) - rate as f32 * g.signum()).abs() < 1e-5);
    }
}

#[test]
fn burn_gets_the_gradient_of_a_dense_table() {
    let (rows, dim, inputs) = (30, 6, 5);
    let table = trained(rows, dim);
    let targets = [3usize, 29, 3, 17];
    let device = Device::flex().autodiff();
    let tensor = |values: Vec<f32>, shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values, shape), &device)
    };
    let x = tensor(numbers(4 * inputs, 7), [4, inputs]);
    let layer = tensor(numbers(inputs * dim, 8), [inputs, dim]).require_grad();
    let encode = |layer: Tensor<2>| {
        let e = x.clone().matmul(layer).tanh();
        let length = e.clone().square().sum_dim(1).sqrt();
        e / length
    };
    let (loss, gradients) =
        prototype_loss(encode(layer.clone()), &table, &targets, &Candidates::All).unwrap();
    let value = loss.clone().try_into_vec_as::<f32>().unwrap()[0];
    let through_table = layer.grad(&loss.mul_scalar(2.0).backward()).unwrap();

    let w = tensor(weights(&table), [rows, dim]).require_grad();
    let unit = w.clone() / w.clone().square().sum_dim(1).sqrt();
    let logits = encode(layer.clone())
        .matmul(unit.transpose())
        .mul_scalar(8.0);
    let hot: Vec<f32> = targets
        .iter()
        .flat_map(|&t| (0..rows).map(move |row| f32::from(u8::from(row == t))))
        .collect();
    let dense = (log_softmax(logits, 1) * tensor(hot, [4, rows]))
        .sum()
        .div_scalar(-4.0);
    assert!((value - dense.clone().try_into_vec_as::<f32>().unwrap()[0]).abs() < 1e-5);
    let grads = dense.mul_scalar(2.0).backward();
    let expected = layer
        .grad(&grads)
        .unwrap()
        .try_into_vec_as::<f32>()
        .unwrap();
    close(
        &through_table.try_into_vec_as::<f32>().unwrap(),
        &wide(&expected),
        1e-5,
    );
    let rows = w
        .grad(&grads)
        .unwrap()
        .div_scalar(2.0)
        .try_into_vec_as::<f32>()
        .unwrap();
    close(&gradients.row_gradients, &wide(&rows), 1e-5);
}

#[test]
fn bad_input_is_named() {
    let mut table = table(20, 3);
    let all = Candidates::All;
    let message = |r: Result<BatchGradients, TableError>| r.unwrap_err().to_string();
    assert!(message(table.loss(&[0.0; 5], &[1, 2], &all)).contains("expected 6 numbers, got 5"));
    assert!(
        message(table.loss(&[0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0], &[1, 2], &all))
            .contains("queries: row 1")
    );
    assert!(
        message(table.loss(&[0.0; 6], &[1, 20], &all)).contains("target 1 of the batch is row 20")
    );
    let mut good = table.loss(&[1.0, 0.0, 0.0], &[4], &all).unwrap();
    assert!(
        table
            .update(&good, f64::NAN)
            .unwrap_err()
            .to_string()
            .contains("learning rate")
    );
    good.row_gradients[7] = f32::INFINITY;
    let before = weights(&table);
    assert!(
        table
            .update(&good, 0.1)
            .unwrap_err()
            .to_string()
            .contains("gradients of rows: row 2")
    );
    assert_eq!(weights(&table), before);
    let mut twice = cells(3);
    twice[2] = twice[1];
    let error = PrototypeTable::in_memory(twice, config(3)).unwrap_err();
    assert!(matches!(error, TableError::Order { row: 2 }));
    let settings = TableConfig {
        beta1: 1.0,
        ..config(3)
    };
    assert!(PrototypeTable::in_memory(cells(3), settings).is_err());
    assert!(PrototypeTable::in_memory(cells(3), TableConfig::new(0)).is_err());
    assert_eq!(
        table.loss(&[], &[], &all).unwrap(),
        BatchGradients::default()
    );
    let empty = PrototypeTable::in_memory(Vec::new(), config(3)).unwrap();
    assert!(empty.is_empty() && empty.loss(&[], &[], &all).unwrap().rows.is_empty());
}

#[test]
fn rows_at_zero_length_stay_finite() {
    let table = table(20, 3);
    let found = table.loss(&[0.0; 3], &[4], &Candidates::All).unwrap();
    assert!((found.loss - 20f64.ln()).abs() < 1e-6);
    assert!(
        found
            .queries
            .iter()
            .chain(&found.row_gradients)
            .all(|v| v.is_finite())
    );
}

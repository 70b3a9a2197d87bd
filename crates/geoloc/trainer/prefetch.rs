//! Makes batches ahead of the trainer, in order.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use burn::tensor::Device;

use crate::core::{BatchError, BatchSource};

/// Starts a thread that makes the batches of `steps` in order, at most two ahead.
pub(super) fn prefetch<'scope, 'env, B: Send + 'static>(
    scope: &'scope Scope<'scope, 'env>,
    source: &'env dyn BatchSource<Batch = B>,
    steps: std::ops::Range<u64>,
    device: Device,
) -> Receiver<Result<B, BatchError>> {
    let (sender, receiver) = sync_channel(2);
    scope.spawn(move || {
        for step in steps {
            let batch = source.batch(step, &device);
            let failed = batch.is_err();
            // The receiver is gone once training has ended early.
            if sender.send(batch).is_err() || failed {
                break;
            }
        }
    });
    receiver
}

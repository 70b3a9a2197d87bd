//! Hidden Markov chains in log space.

/// A chain: log-emissions of the states of each step, and log-transitions between steps.
pub(super) struct Chain {
    /// For each step, for each state.
    pub(super) emissions: Vec<Vec<f64>>,
    /// For each step but the first, from each state of the step before (rows) to each state.
    pub(super) transitions: Vec<Vec<Vec<f64>>>,
}

pub(super) fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + terms.map(|t| (t - max).exp()).sum::<f64>().ln()
}

impl Chain {
    /// The probability of each state of each step given all emissions (forward-backward).
    pub(super) fn marginals(&self) -> Vec<Vec<f64>> {
        let forward = self.forward();
        let steps = self.emissions.len();
        let mut found = Vec::with_capacity(steps);
        let mut after: Vec<f64> = self.emissions.last().map_or(vec![], |e| vec![0.0; e.len()]);
        for step in (0..steps).rev() {
            let joint: Vec<f64> = forward[step]
                .iter()
                .zip(&after)
                .map(|(f, b)| f + b)
                .collect();
            let total = log_sum_exp(joint.iter().copied());
            found.push(joint.iter().map(|j| (j - total).exp()).collect());
            if step > 0 {
                let emissions = &self.emissions[step];
                let row = |row: &Vec<f64>| {
                    let terms = row.iter().zip(emissions).zip(&after);
                    log_sum_exp(terms.map(|((t, e), b)| t + e + b))
                };
                after = self.transitions[step - 1].iter().map(row).collect();
            }
        }
        found.reverse();
        found
    }

    /// Log-probability of the emissions up to a step and of its state; all states of the first step
    /// start with weight 1.
    fn forward(&self) -> Vec<Vec<f64>> {
        let mut found: Vec<Vec<f64>> = Vec::with_capacity(self.emissions.len());
        for (step, emissions) in self.emissions.iter().enumerate() {
            let own = match step.checked_sub(1) {
                None => emissions.clone(),
                Some(last) => {
                    let into = |(state, emission): (usize, &f64)| {
                        let pairs = found[last].iter().zip(&self.transitions[last]);
                        emission + log_sum_exp(pairs.map(|(f, row)| f + row[state]))
                    };
                    emissions.iter().enumerate().map(into).collect()
                }
            };
            found.push(own);
        }
        found
    }

    /// The most probable states of all steps together (Viterbi); of equals the first.
    pub(super) fn best_path(&self) -> Vec<usize> {
        let Some(first) = self.emissions.first() else {
            return Vec::new();
        };
        let mut scores = first.clone();
        let mut origins: Vec<Vec<usize>> = Vec::new();
        for (emissions, transitions) in self.emissions.iter().skip(1).zip(&self.transitions) {
            let best = |state: usize| {
                let pairs = scores.iter().zip(transitions);
                arg_max(pairs.map(|(score, row)| score + row[state]))
            };
            let into: Vec<(usize, f64)> = (0..emissions.len()).map(best).collect();
            scores = into
                .iter()
                .zip(emissions)
                .map(|((_, s), e)| s + e)
                .collect();
            origins.push(into.into_iter().map(|(from, _)| from).collect());
        }
        let (mut state, _) = arg_max(scores.into_iter());
        let mut path = vec![state];
        for origin in origins.iter().rev() {
            state = origin[state];
            path.push(state);
        }
        path.reverse();
        path
    }
}

/// Position and value of the largest number; of equals the first.
fn arg_max(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (k, value) in values.enumerate() {
        if value > best.1 {
            best = (k, value);
        }
    }
    best
}

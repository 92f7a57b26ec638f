//! Limits how many records are logged in a second. Pure: the caller brings the time.

const SECOND_MS: u64 = 1_000;

/// A number of records for each second. What one second leaves over is not added to the next.
#[derive(Debug)]
pub(crate) struct Allowance {
    per_second: u32,
    left: u32,
    second: u64,
}

impl Allowance {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, left: per_second, second: 0 }
    }

    /// Returns whether no more records may be shown at `now_ms`.
    pub(crate) fn is_spent(&mut self, now_ms: u64) -> bool {
        let second = now_ms / SECOND_MS;
        if second != self.second {
            (self.second, self.left) = (second, self.per_second);
        }
        self.left == 0
    }

    /// Takes one record from the allowance of this second. Returns whether there was one left.
    pub(crate) fn take(&mut self, now_ms: u64) -> bool {
        let granted = !self.is_spent(now_ms);
        self.left -= u32::from(granted);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_allowance() {
        let mut allowance = Allowance::new(2);
        let granted: Vec<bool> = [0, 1, 2, 999, 1_000, 1_001, 1_002, 9_000, 9_001, 9_002]
            .into_iter()
            .map(|now_ms| allowance.take(now_ms))
            .collect();
        assert_eq!(granted, [true, true, false, false, true, true, false, true, true, false]);
    }

    #[test]
    fn no_allowance_shows_nothing() {
        assert!(!Allowance::new(0).take(5_000));
    }
}

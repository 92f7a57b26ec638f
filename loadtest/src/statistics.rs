//! Decides whether two series of figures differ, and by how much. Pure: it does not depend on the kind
//! of figure or on a clock, and all randomness comes from a seed.
//!
//! The figures come in pairs that were measured one after the other. Only the ratio of each pair
//! counts, so an influence that slows both figures cancels out. All three results describe one
//! quantity, the mean of the ratios' logarithms, so b/a is exactly the inverse of a/b:
//!
//! - **Ratio**: the geometric mean. A median would use only the middle rounds. An outlier moves the
//!   mean, but it widens the interval as well.
//! - **p-value**: if a and b were equal, each logarithm could equally well have the other sign. The test
//!   counts how many of all assignments of signs give a mean at least as far from zero. It is exact and
//!   assumes no distribution.
//! - **Interval**: the percentiles of the bootstrap distribution, widened. With few rounds the plain
//!   percentiles are too narrow: with 10 rounds, an interval of 95 % contains the true value in only 89
//!   % of all cases. The corrections of BCa do not help, because they are for bias and skew, which
//!   differences hardly have. So the distances from the mean are multiplied by the ratio between
//!   Student's interval and the normal one. T. Hesterberg, in "What Teachers Should Know About the
//!   Bootstrap" (2015), widens the percentiles for the same reason. A studentized bootstrap would have
//!   no bounds if most ratios are equal, as they are with a coarse clock.

use fastrand::Rng;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Minimum number of pairs for a p-value below [`SIGNIFICANT`]. With 5 pairs the smallest is 2 of 2^5
/// assignments, which is 6 %.
pub const MIN_PAIRS: usize = 6;

/// Maximum p-value at which a difference counts as shown.
pub const SIGNIFICANT: f64 = 0.05;

/// Maximum number of pairs for which all assignments of signs are tried, which are about a million. For
/// more pairs a random sample is tried.
const MAX_EXACT_PAIRS: usize = 20;

/// Number of assignments in that random sample.
const MONTE_CARLO_TRIALS: u32 = 99_999;

/// Number of samples that the bootstrap draws. More samples would not change the digits that are shown.
const BOOTSTRAP_SAMPLES: usize = 10_000;

/// Minimum number of pairs for an interval. Samples of fewer pairs have hardly any different values.
const MIN_INTERVAL_PAIRS: usize = 4;

/// Share of all cases in which the bounds contain the true value.
const CONFIDENCE: f64 = 0.95;

/// Number of standard deviations to either side that contain [`CONFIDENCE`] of a normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// The result of comparing pairs of figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The geometric mean of the ratios.
    pub ratio: f64,
    /// Bounds that contain the true ratio in 95 of 100 cases. `None` for fewer than 4 pairs.
    pub interval: Option<(f64, f64)>,
    /// How often chance alone would show a difference of at least this size.
    pub p_value: f64,
}

impl Estimate {
    /// Evaluates the ratios b/a of all pairs. Returns `None` if there are no ratios, or if one is not a
    /// positive, finite number.
    #[must_use]
    pub fn new(ratios: &[f64], seed: u64) -> Option<Self> {
        let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        if logs.is_empty() || !logs.iter().all(|log| log.is_finite()) {
            return None;
        }
        let interval = bootstrap(&logs, seed).map(|(low, high)| (low.exp(), high.exp()));
        let p_value = sign_flips(&logs, seed);
        Some(Self { ratio: mean(&logs).exp(), interval, p_value })
    }

    /// Whether both the test and the interval show a difference. They are computed in different ways. If
    /// they disagree, the evidence is too weak.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        let excludes_1 = self.interval.is_some_and(|(low, high)| low > 1.0 || high < 1.0);
        self.p_value <= SIGNIFICANT && excludes_1
    }
}

/// Returns the geometric mean, or NaN if there are no values.
#[must_use]
pub fn geometric_mean(values: &[f64]) -> f64 {
    mean(&values.iter().map(|value| value.ln()).collect::<Vec<_>>()).exp()
}

/// Returns the bounds that contain the probability of success in 95 of 100 cases if `successes` of
/// `trials` succeeded, after E. B. Wilson (1927). Returns 0 and 1 without trials.
#[must_use]
pub fn wilson(successes: u32, trials: u32) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let (n, z2) = (f64::from(trials), NORMAL_95 * NORMAL_95);
    let share = f64::from(successes) / n;
    let centre = share + z2 / (2.0 * n);
    let spread = NORMAL_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let bound = |value: f64| (value / (1.0 + z2 / n)).clamp(0.0, 1.0);
    (bound(centre - spread), bound(centre + spread))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the share of all assignments of signs whose sum is at least as far from zero as that of
/// `logs`.
fn sign_flips(logs: &[f64], seed: u64) -> f64 {
    // Sums of the same numbers in a different order differ in the last digits.
    let rounding = 1e-12 * logs.iter().map(|log| log.abs()).sum::<f64>();
    let observed = logs.iter().sum::<f64>().abs() - rounding;
    if logs.len() <= MAX_EXACT_PAIRS {
        exact_share(logs, observed)
    } else {
        sampled_share(logs, observed, seed)
    }
}

fn exact_share(logs: &[f64], observed: f64) -> f64 {
    let assignments = 1_u32 << logs.len();
    let extreme = (0..assignments).filter(|signs| flipped(logs, *signs).abs() >= observed).count();
    f64::from(u32::try_from(extreme).unwrap_or(u32::MAX)) / f64::from(assignments)
}

/// Returns the sum of at most 32 numbers, with the opposite sign for each number whose bit is set.
fn flipped(logs: &[f64], signs: u32) -> f64 {
    let turn = |(place, log): (usize, &f64)| if signs >> place & 1 == 1 { -log } else { *log };
    logs.iter().enumerate().map(turn).sum()
}

/// Estimates the same share from a random sample. The sample includes the observed assignment, so the
/// share is never 0.
fn sampled_share(logs: &[f64], observed: f64, seed: u64) -> f64 {
    let mut random = Rng::with_seed(seed);
    let mut extreme = 1_u32;
    for _ in 0..MONTE_CARLO_TRIALS {
        let sum: f64 = logs.chunks(32).map(|part| flipped(part, random.u32(..))).sum();
        extreme += u32::from(sum.abs() >= observed);
    }
    f64::from(extreme) / f64::from(MONTE_CARLO_TRIALS + 1)
}

/// Returns the bounds of the mean.
fn bootstrap(logs: &[f64], seed: u64) -> Option<(f64, f64)> {
    let widening = widening(logs.len())?;
    let mut random = Rng::with_seed(seed);
    let mut means: Vec<f64> =
        (0..BOOTSTRAP_SAMPLES).map(|_| resampled(logs, &mut random)).collect();
    means.sort_unstable_by(f64::total_cmp);
    let cut = BOOTSTRAP_SAMPLES * 25 / 1_000;
    let centre = mean(logs);
    let bound = |value: f64| centre + (value - centre) * widening;
    Some((bound(means[cut]), bound(means[BOOTSTRAP_SAMPLES - 1 - cut])))
}

/// Draws `logs.len()` numbers with replacement and returns their mean.
fn resampled(logs: &[f64], random: &mut Rng) -> f64 {
    let drawn: f64 = (0..logs.len()).map(|_| logs[random.usize(..logs.len())]).sum();
    let count = logs.len() as f64;
    drawn / count
}

/// Returns the factor that widens the bootstrap's bounds for this number of pairs. `None` for too few
/// pairs.
fn widening(pairs: usize) -> Option<f64> {
    if pairs < MIN_INTERVAL_PAIRS {
        return None;
    }
    let pairs = pairs as f64;
    let student = StudentsT::new(0.0, 1.0, pairs - 1.0).ok()?;
    let quantile = student.inverse_cdf(0.5 + CONFIDENCE / 2.0);
    Some(quantile / NORMAL_95 * (pairs / (pairs - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 7;

    fn close(value: f64, wanted: f64, tolerance: f64) {
        assert!((value - wanted).abs() <= tolerance, "{value} instead of {wanted}");
    }

    #[test]
    fn equal_figures_show_no_difference() {
        let estimate = Estimate::new(&[1.0; 10], SEED).expect("ten ratios");
        assert_eq!(estimate, Estimate { ratio: 1.0, interval: Some((1.0, 1.0)), p_value: 1.0 });
        assert!(!estimate.is_significant());
    }

    #[test]
    fn a_constant_ratio_is_certain() {
        let estimate = Estimate::new(&[1.02; 10], SEED).expect("ten ratios");
        close(estimate.ratio, 1.02, 1e-12);
        let (low, high) = estimate.interval.expect("ten ratios");
        close(low, 1.02, 1e-12);
        close(high, 1.02, 1e-12);
        // Two of 1,024 assignments are as extreme: all signs as they are, and all signs reversed.
        close(estimate.p_value, 2.0 / 1_024.0, 0.0);
        assert!(estimate.is_significant());
    }

    #[test]
    fn ratios_that_balance_show_no_difference() {
        let ratios = [1.1, 1.0 / 1.1, 1.05, 1.0 / 1.05, 1.2, 1.0 / 1.2];
        let estimate = Estimate::new(&ratios, SEED).expect("six ratios");
        close(estimate.ratio, 1.0, 1e-12);
        close(estimate.p_value, 1.0, 0.0);
        assert!(!estimate.is_significant());
    }

    /// Counted by hand for the 8 sums of ±1 ±2 ±3: 8 are at least as far from 0 as 1+2-3=0, 6 are as far
    /// as 1-2+3=2, and 2 are as far as 1+2+3=6.
    #[test]
    fn the_exact_test_counts_all_assignments() {
        for (logs, share) in
            [([1.0, 2.0, -3.0], 1.0), ([1.0, -2.0, 3.0], 0.75), ([1.0, 2.0, 3.0], 0.25)]
        {
            close(sign_flips(&logs, SEED), share, 0.0);
        }
    }

    /// The data are C. Darwin's pairs of maize. R. A. Fisher calculated their p-value in "The Design of
    /// Experiments" (1935): 1,726 of 32,768.
    #[test]
    fn the_exact_test_agrees_with_fisher() {
        let differences =
            [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48].map(f64::from);
        close(sign_flips(&differences, SEED), 1_726.0 / 32_768.0, 0.0);
    }

    #[test]
    fn the_sampled_test_agrees_with_the_exact_one() {
        let logs = [0.03, -0.01, 0.02, 0.05, -0.02, 0.01, 0.04, -0.03, 0.02, 0.01];
        let observed = logs.iter().sum::<f64>().abs() - 1e-12;
        let exact = exact_share(&logs, observed);
        assert!(exact > 0.05 && exact < 0.5, "{exact}");
        close(sampled_share(&logs, observed, SEED), exact, 0.01);
        let many = [1.01; 100];
        close(Estimate::new(&many, SEED).expect("many ratios").p_value, 1e-5, 1e-12);
    }

    #[test]
    fn too_few_rounds_are_never_significant() {
        for pairs in 1..MIN_PAIRS {
            let estimate = Estimate::new(&vec![2.0; pairs], SEED).expect("some ratios");
            assert!(!estimate.is_significant(), "{pairs} pairs");
        }
        assert!(Estimate::new(&[2.0; MIN_PAIRS], SEED).expect("six ratios").is_significant());
    }

    #[test]
    fn what_is_no_ratio_has_no_estimate() {
        for ratios in [&[][..], &[1.0, 0.0], &[f64::NAN], &[f64::INFINITY], &[-1.0]] {
            assert_eq!(Estimate::new(ratios, SEED), None, "{ratios:?}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let ratios: Vec<f64> = (0..30).map(|round| 1.0 + f64::from(round % 7) / 100.0).collect();
        assert_eq!(Estimate::new(&ratios, 1), Estimate::new(&ratios, 1));
        assert_ne!(Estimate::new(&ratios, 1), Estimate::new(&ratios, 2));
    }

    #[test]
    fn swapping_the_sides_inverts_the_ratio() {
        let ratios = [1.05, 1.01, 0.99, 1.04, 1.02, 1.03];
        let inverse = ratios.map(|ratio: f64| 1.0 / ratio);
        let there = Estimate::new(&ratios, SEED).expect("six ratios");
        let back = Estimate::new(&inverse, SEED).expect("six ratios");
        close(there.ratio * back.ratio, 1.0, 1e-12);
        close(there.p_value, back.p_value, 0.0);
    }

    /// Returns a standard normal number (G. Box, M. Muller, 1958).
    fn normal(random: &mut Rng) -> f64 {
        let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * random.f64()).cos()
    }

    /// Returns a normal number that has a larger spread in 15 % of all cases.
    fn disturbed(random: &mut Rng) -> f64 {
        let scale = if random.f64() < 0.15 { 6.0 } else { 1.0 };
        normal(random) * scale
    }

    /// Simulates 600 comparisons. Returns the share whose interval contains the true value, and the
    /// share that shows a difference although there is none.
    fn simulate(pairs: usize, draw: fn(&mut Rng) -> f64) -> (f64, f64) {
        const TRUTH: f64 = 0.02;
        const COMPARISONS: u32 = 600;
        let mut random = Rng::with_seed(SEED);
        let (mut covered, mut shown) = (0_u32, 0_u32);
        for _ in 0..COMPARISONS {
            let noise: Vec<f64> = (0..pairs).map(|_| draw(&mut random) * 0.01).collect();
            let shifted: Vec<f64> = noise.iter().map(|log| log + TRUTH).collect();
            let (low, high) = bootstrap(&shifted, random.u64(..)).expect("enough pairs");
            covered += u32::from(low <= TRUTH && TRUTH <= high);
            shown += u32::from(sign_flips(&noise, random.u64(..)) <= SIGNIFICANT);
        }
        let share = |count| f64::from(count) / f64::from(COMPARISONS);
        (share(covered), share(shown))
    }

    #[test]
    fn the_interval_holds_the_truth_and_the_test_cries_wolf_as_often_as_they_say() {
        for (pairs, draw) in
            [(MIN_PAIRS, normal as fn(&mut Rng) -> f64), (10, normal), (10, disturbed)]
        {
            let (covered, shown) = simulate(pairs, draw);
            assert!((0.925..=0.98).contains(&covered), "{pairs} pairs: {covered} covered");
            assert!((0.02..=0.07).contains(&shown), "{pairs} pairs: {shown} shown");
        }
    }

    #[test]
    fn wilson_agrees_with_the_published_values() {
        let (low, high) = wilson(5, 5);
        close(low, 0.5655, 1e-4);
        close(high, 1.0, 1e-12);
        let (low, high) = wilson(81, 263);
        close(low, 0.2553, 1e-4);
        close(high, 0.3662, 1e-4);
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }
}

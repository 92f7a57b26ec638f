//! Decides which worker gets the next connection. Pure.

/// A worker gets no more connections once it has more than this many above a worker whose channel is
/// full. Without this limit a burst piles up on the workers that happen to be on a CPU.
const MAX_LEAD: u64 = 64;

/// Whether a worker can take the connection in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate {
    MayTake,
    /// Its channel is full.
    Full,
    /// It has ended.
    Gone,
}

/// Chooses the worker with the fewest open connections, in rotation among equal ones. Equal workers
/// therefore get an exact round-robin, a burst spreads at once, and a worker whose connections live
/// longer does not collect more of them.
#[derive(Debug)]
pub(crate) struct Balancer {
    /// Number of connections given to each worker so far.
    assigned: Vec<u64>,
    /// Among equal workers, the search starts at this one.
    first: usize,
}

impl Balancer {
    pub(crate) fn new(workers: usize) -> Self {
        Self { assigned: vec![0; workers], first: 0 }
    }

    /// Returns the number of open connections. `closed(w)` is how many worker `w` has closed.
    pub(crate) fn open(&self, closed: impl Fn(usize) -> u64) -> u64 {
        (0..self.assigned.len()).map(|worker| self.load(worker, &closed)).sum()
    }

    /// Returns the worker for the next connection. `None`: no worker has room, or every worker with room
    /// is too far ahead of a full one.
    pub(crate) fn choose(
        &self,
        closed: impl Fn(usize) -> u64,
        state: &[Candidate],
    ) -> Option<usize> {
        let workers = self.assigned.len();
        let with = |wanted: fn(Candidate) -> bool| {
            (self.first..self.first + workers)
                .map(|turn| turn % workers)
                .filter(move |&worker| wanted(state[worker]))
        };
        let load = |worker: usize| self.load(worker, &closed);
        let least = with(|state| state != Candidate::Gone).map(load).min()?;
        with(|state| state == Candidate::MayTake)
            .min_by_key(|&worker| load(worker))
            .filter(|&worker| load(worker) <= least + MAX_LEAD)
    }

    /// Notes that this worker got the connection.
    pub(crate) fn assign(&mut self, worker: usize) {
        self.assigned[worker] += 1;
        self.first = (worker + 1) % self.assigned.len();
    }

    /// Returns the number of open connections of a worker, which may have closed more by now.
    fn load(&self, worker: usize, closed: impl Fn(usize) -> u64) -> u64 {
        self.assigned[worker].saturating_sub(closed(worker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(balancer: &mut Balancer, closed: &[u64], full: &[usize]) -> Option<usize> {
        let state: Vec<Candidate> = (0..closed.len())
            .map(|worker| match full.contains(&worker) {
                true => Candidate::Full,
                false => Candidate::MayTake,
            })
            .collect();
        let chosen = balancer.choose(|worker| closed[worker], &state)?;
        balancer.assign(chosen);
        Some(chosen)
    }

    #[test]
    fn equal_workers_take_turns() {
        let mut balancer = Balancer::new(3);
        let order: Vec<_> = (0..7).filter_map(|_| give(&mut balancer, &[0; 3], &[])).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(balancer.open(|_| 0), 7);
        assert_eq!(balancer.open(|worker| [1, 2, 0][worker]), 4);
    }

    #[test]
    fn long_and_short_connections_in_turn_do_not_pile_up_the_long_ones() {
        let mut balancer = Balancer::new(2);
        let (mut closed, mut long) = ([0, 0], [0, 0]);
        for _ in 0..100 {
            long[give(&mut balancer, &closed, &[]).unwrap()] += 1;
            closed[give(&mut balancer, &closed, &[]).unwrap()] += 1;
        }
        assert_eq!(long, [50, 50]);
    }

    #[test]
    fn a_full_worker_is_passed_over() {
        let mut balancer = Balancer::new(2);
        assert_eq!(give(&mut balancer, &[0, 0], &[0]), Some(1));
        assert_eq!(give(&mut balancer, &[0, 0], &[0, 1]), None);
        assert_eq!(give(&mut balancer, &[0, 0], &[]), Some(0));
    }

    #[test]
    fn nobody_gets_far_ahead_of_a_worker_that_is_full() {
        let mut balancer = Balancer::new(2);
        let given = (0..1_000).map_while(|_| give(&mut balancer, &[0, 0], &[0])).count();
        assert_eq!(given as u64, MAX_LEAD + 1);
        assert_eq!(give(&mut balancer, &[0, 0], &[]), Some(0));
    }

    #[test]
    fn a_worker_that_is_gone_holds_nobody_back() {
        let mut balancer = Balancer::new(2);
        for _ in 0..1_000 {
            let state = [Candidate::Gone, Candidate::MayTake];
            assert_eq!(balancer.choose(|_| 0, &state), Some(1));
            balancer.assign(1);
        }
    }
}

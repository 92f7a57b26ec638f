//! A whole server and its peers on the simulated network. The acceptor, the workers and everything
//! between them are the code that ships. They run one step at a time, in an order that the dice
//! decide.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::iter;
use std::rc::Rc;
use std::sync::Arc;

use super::dice::Dice;
use super::network::{ACCEPTOR, Network, Shared};
use super::setup::{Ending, Setup};
use super::socket::Socket;
use super::stream::{SimJournal, SimListener, SimPoller, SimStream, SimWaker};
use crate::records::Records;
use crate::seams::poller::Wake;
use crate::stats::SharedStats;
use crate::threads::acceptor_loop::AcceptorLoop;
use crate::threads::assemble::{AcceptorParts, Assembly, WorkerParts, assemble};
use crate::threads::handoff::Control;
use crate::threads::worker_loop::WorkerLoop;

/// Maximum number of random steps in one run, before the run is brought to its end.
const MAX_STEPS: usize = 160;

/// No peer connects any more once there are this many connections. The last burst may exceed it.
const MAX_CONNECTIONS: usize = 8;

/// Number of connections in a crowd: more than the server accepts or adopts in one turn.
const CROWD: usize = 300;

/// Maximum number of steps after which a server with nothing new to do must be at rest.
const MAX_SETTLING_STEPS: usize = 200_000;

/// A thread of the server.
enum Thread {
    Acceptor(Box<AcceptorLoop<SimPoller, SimListener, SimWaker>>),
    Worker(Box<WorkerLoop<SimPoller, SimStream, SimWaker, SimJournal>>),
    /// The thread has ended.
    Over,
}

/// Which threads may have the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Candidates {
    /// Threads that have an event, or whose time has come.
    Due,
    /// All threads that have not ended. A real thread, too, may wake up without a reason.
    All,
}

pub(super) struct World {
    pub(super) network: Shared,
    control: Arc<Control<SimWaker>>,
    /// Each thread, with the time of its next turn.
    threads: Vec<(Thread, Wake)>,
    pub(super) stats: Vec<Arc<SharedStats>>,
}

impl World {
    pub(super) fn new(mut dice: Dice) -> Self {
        let setup = Setup::new(&mut dice);
        let network = Rc::new(RefCell::new(Network::new(dice, setup)));
        let waker = |thread| SimWaker { network: Rc::clone(&network), thread };
        let poller = |thread| SimPoller { network: Rc::clone(&network), thread, keys: vec![] };
        let acceptor = AcceptorParts {
            poller: poller(ACCEPTOR),
            listener: SimListener(Rc::clone(&network)),
            waker: waker(ACCEPTOR),
        };
        let assembly = assemble(&setup.plan(), acceptor, |number| {
            let records = Records::new(number, setup.framing);
            let journal = SimJournal { records, network: Rc::clone(&network) };
            let thread = 1 + number;
            let (poller, waker) = (poller(thread), waker(thread));
            Ok::<_, Infallible>(WorkerParts { poller, waker, journal })
        });
        let Ok(Assembly { acceptor, workers, control, stats }) = assembly;
        let workers = workers.into_iter().map(|worker| Thread::Worker(Box::new(worker)));
        let threads = iter::once(Thread::Acceptor(Box::new(acceptor))).chain(workers);
        let threads = threads.map(|thread| (thread, Wake::Now)).collect();
        Self { network, control, threads, stats }
    }

    /// Lets things happen by chance, then brings the run to its end.
    ///
    /// # Panics
    /// If the server breaks a promise.
    pub(super) fn run(mut self) {
        self.act_by_chance();
        self.begin_ending();
        self.settle();
        self.time_out_vanished_peers();
        self.settle();
        if !self.is_stopping() {
            self.check_rest();
        }
        self.stop();
        self.settle();
        self.check_end();
    }

    fn act_by_chance(&mut self) {
        let steps = self.network.borrow_mut().dice.below(MAX_STEPS);
        for _ in 0..steps {
            if self.network.borrow().dice.is_used_up() {
                break;
            }
            if self.network.borrow_mut().dice.chance(2) {
                self.stop();
            }
            if self.network.borrow_mut().dice.chance(16) {
                self.time_passes();
            }
            self.peers_act();
            self.threads_act();
        }
    }

    fn begin_ending(&mut self) {
        let setup = self.network.borrow().setup;
        // Without room and without an idle timeout, connections that nobody ends would keep the
        // others waiting for ever.
        let may_idle = setup.is_roomy() || setup.idle_timeout_ms.is_some();
        match setup.ending {
            Ending::Idle if may_idle => {}
            Ending::PeersFinish | Ending::Idle => self.each_peer(Socket::peer_finishes),
            Ending::Shutdown => self.stop(),
        }
        if !may_idle {
            self.time_out_vanished_peers();
        }
    }

    fn is_stopping(&self) -> bool {
        self.network.borrow().stopped_at_ms.is_some()
    }

    fn stop(&mut self) {
        if !self.is_stopping() {
            self.network.borrow_mut().stop();
            self.control.stop();
        }
    }

    /// Lets a few peers connect, or lets one peer do something.
    fn peers_act(&mut self) {
        let network = &mut *self.network.borrow_mut();
        let (count, now_ms, dice) = (network.sockets.len(), network.now_ms, &mut network.dice);
        if count < MAX_CONNECTIONS && (count == 0 || dice.chance(24)) {
            let is_crowd = dice.chance(12);
            for _ in 0..if is_crowd { CROWD } else { dice.pick(&[1, 1, 3, 6]) } {
                let room = network.dice.pick(&[200_000, 5_000, 100, 1, 0]);
                network.connect(room);
            }
            return;
        }
        if count == 0 {
            return;
        }
        let socket = &mut network.sockets[dice.below(count)];
        if !socket.has_peer() {
            return;
        }
        match dice.below(100) {
            0..55 if !socket.fin => {
                let (bytes, is_urgent) = (message(dice), dice.chance(16));
                socket.peer_sends(&bytes);
                if is_urgent && !bytes.is_empty() {
                    socket.peer_marks_urgent();
                }
            }
            0..85 => socket.peer_reads(now_ms, dice.below(20_000)),
            85..90 => socket.peer_finishes(),
            90..92 => socket.breaks(ErrorKind::ConnectionReset),
            92 => socket.vanished = true,
            _ => socket.peer_acks(now_ms, usize::MAX),
        }
    }

    /// Moves the clock forward. It moves far only while every thread sleeps, because a machine may be
    /// slow but not endlessly so.
    fn time_passes(&self) {
        let is_busy = (0..self.threads.len()).any(|thread| self.may_run(thread, Candidates::Due));
        let next_ms = self.next_timer_ms().filter(|_| !is_busy).unwrap_or(u64::MAX);
        let network = &mut *self.network.borrow_mut();
        let limit_ms = if is_busy { 50 } else { network.dice.pick(&[1, 50, 700, 6_000, 20_000]) };
        let later_ms = network.now_ms + network.dice.below(limit_ms) as u64;
        network.now_ms = later_ms.min(next_ms);
    }

    /// Gives turns to some threads, mostly to threads that are due.
    fn threads_act(&mut self) {
        while !self.network.borrow_mut().dice.chance(80) {
            let is_early = self.network.borrow_mut().dice.chance(8);
            let candidates = if is_early { Candidates::All } else { Candidates::Due };
            let Some(thread) = self.choose_thread(candidates) else { return };
            self.run_turn(thread);
        }
    }

    /// Returns one of the candidates, if there is one.
    fn choose_thread(&self, candidates: Candidates) -> Option<usize> {
        let threads: Vec<usize> =
            (0..self.threads.len()).filter(|&thread| self.may_run(thread, candidates)).collect();
        let is_some = !threads.is_empty();
        is_some.then(|| self.network.borrow_mut().dice.pick(&threads))
    }

    fn may_run(&self, thread: usize, candidates: Candidates) -> bool {
        let network = self.network.borrow();
        match self.threads[thread] {
            (Thread::Over, _) => false,
            _ if candidates == Candidates::All || network.has_events(thread) => true,
            (_, Wake::Now) => true,
            (_, Wake::At(at_ms)) => at_ms <= network.now_ms,
            (_, Wake::Never) => false,
        }
    }

    /// Gives a thread one turn, and checks the server after it.
    fn run_turn(&mut self, thread: usize) {
        let (body, wake) = &mut self.threads[thread];
        let next = match body {
            Thread::Acceptor(acceptor) => {
                // The turn of an acceptor does not take the events from its poller.
                self.network.borrow_mut().take_events(thread);
                acceptor.turn()
            }
            Thread::Worker(worker) => worker.turn(),
            Thread::Over => return,
        };
        match next {
            Some(next) => *wake = next,
            None => *body = Thread::Over,
        }
        let may_have_timer = thread == ACCEPTOR || self.network.borrow().has_connections(thread);
        let has_timer = matches!(next, Some(Wake::At(_)));
        assert!(may_have_timer || !has_timer, "a worker without connections has a timer");
        self.check_step();
    }

    /// Runs the server until nothing is left to happen. The peers read all they can.
    fn settle(&mut self) {
        for _ in 0..MAX_SETTLING_STEPS {
            let now_ms = self.network.borrow().now_ms;
            self.each_peer(|socket| {
                socket.peer_reads(now_ms, 10_000);
                socket.peer_acks(now_ms, usize::MAX);
                if socket.finished_at_ms.is_some() && !socket.fin {
                    socket.peer_finishes();
                }
            });
            if let Some(thread) = self.choose_thread(Candidates::Due) {
                self.run_turn(thread);
                continue;
            }
            self.check_quiet();
            if let Some(at_ms) = self.next_timer_ms() {
                self.network.borrow_mut().now_ms = at_ms;
            } else {
                return;
            }
        }
        panic!("the server does not come to rest");
    }

    /// Returns the earliest time at which a thread wants a turn.
    fn next_timer_ms(&self) -> Option<u64> {
        let timers = self.threads.iter().filter_map(|thread| match thread {
            (Thread::Acceptor(_) | Thread::Worker(_), Wake::At(at_ms)) => Some(*at_ms),
            _ => None,
        });
        timers.min()
    }

    /// Returns whether all threads have ended.
    pub(super) fn is_over(&self) -> bool {
        self.threads.iter().all(|(thread, _)| matches!(thread, Thread::Over))
    }

    fn each_peer(&self, act: impl FnMut(&mut Socket)) {
        let sockets = &mut self.network.borrow_mut().sockets;
        sockets.iter_mut().filter(|socket| socket.has_peer()).for_each(act);
    }

    /// Breaks the connections of vanished peers, as the server's system does once it gives them up.
    fn time_out_vanished_peers(&self) {
        let network = &mut *self.network.borrow_mut();
        for socket in
            network.sockets.iter_mut().filter(|socket| socket.vanished && socket.is_open())
        {
            socket.breaks(ErrorKind::TimedOut);
        }
    }
}

/// Returns bytes for a peer to send: mostly a few, sometimes very many. Newlines are frequent or rare.
fn message(dice: &mut Dice) -> Vec<u8> {
    let len = match dice.below(20) {
        19 => dice.below(400_000),
        16..19 => dice.below(20_000),
        _ => dice.below(40),
    };
    let newlines = dice.pick(&[30, 0, 2, 200]);
    let mut content = fastrand::Rng::with_seed(dice.below(1 << 16) as u64);
    let mut byte = || if content.u8(..) < newlines { b'\n' } else { content.u8(..) };
    (0..len).map(|_| byte()).collect()
}

//! Writes the log. A separate thread writes whole lines to the sink, so that a blocking sink does not
//! block the thread that logs.

use std::io::{self, Write};
use std::mem;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Maximum number of lines that wait for the sink.
const MAX_LINES: usize = 16_384;

/// How long the logging threads wait in total for a sink that is behind. After that the sink counts as
/// stuck until it has caught up: the log drops lines and counts them.
const MAX_PATIENCE: Duration = Duration::from_secs(1);

/// A sink has caught up when at most this many lines wait.
const CAUGHT_UP_LINES: usize = MAX_LINES / 2;

/// How long a flush waits for room in the queue, and then again for the sink.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Initial capacity of a line, in bytes. Most lines fit.
const USUAL_LINE_LEN: usize = 192;

enum Order {
    Line(Vec<u8>),
    /// Asks for an answer once all earlier lines have been written to the sink.
    Flush(Sender<()>),
}

/// The writing end of the log. Collects the pieces of a line, and hands the line over when it is
/// complete, so that one line is one write to the sink.
///
/// If the sink falls behind for a moment, no line is lost. If it stays behind, logging blocks for at
/// most [`MAX_PATIENCE`] in total. After that lines are dropped, and the log reports their number.
pub(crate) struct LogWriter {
    orders: Sender<Order>,
    line: Vec<u8>,
    /// How much longer to wait for a sink that is behind.
    patience: Duration,
    lost: u64,
}

impl LogWriter {
    /// Starts the thread that writes to `sink`. The thread ends when the writer is dropped.
    pub(crate) fn spawn(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (orders, received) = bounded(MAX_LINES);
        thread::Builder::new().name("log".to_owned()).spawn(move || write_out(sink, &received))?;
        Ok(Self {
            orders,
            line: Vec::with_capacity(USUAL_LINE_LEN),
            patience: MAX_PATIENCE,
            lost: 0,
        })
    }

    fn hand_over(&mut self) {
        let line = mem::replace(&mut self.line, Vec::with_capacity(USUAL_LINE_LEN));
        if self.orders.len() <= CAUGHT_UP_LINES {
            self.patience = MAX_PATIENCE;
            self.tell_of_lost_lines();
        }
        // Once a line is lost, all further lines are lost until the log has reported their number.
        // So every gap in the log is marked.
        if self.lost > 0 || !self.try_send(line) {
            self.lost += 1;
        }
    }

    fn tell_of_lost_lines(&mut self) {
        if self.lost > 0 {
            let time = humantime::format_rfc3339_nanos(SystemTime::now());
            let note = format!("{time} [WARN ] log lines lost count={}\n", self.lost);
            if self.try_send(note.into_bytes()) {
                self.lost = 0;
            }
        }
    }

    /// Hands a line over, and waits for room only as long as patience lasts. Returns whether the line
    /// was handed over.
    fn try_send(&mut self, line: Vec<u8>) -> bool {
        match self.orders.try_send(Order::Line(line)) {
            Ok(()) => true,
            Err(TrySendError::Full(order)) if !self.patience.is_zero() => {
                let start = Instant::now();
                let sent = self.orders.send_timeout(order, self.patience).is_ok();
                self.patience = self.patience.saturating_sub(start.elapsed());
                sent
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(piece);
        if piece.ends_with(b"\n") {
            self.hand_over();
        }
        Ok(piece.len())
    }

    /// Waits until the sink has all lines, for twice the [`FLUSH_TIMEOUT`] at most.
    fn flush(&mut self) -> io::Result<()> {
        let (done, wait) = bounded(1);
        if self.orders.send_timeout(Order::Flush(done), FLUSH_TIMEOUT).is_ok() {
            // If the sink is stuck, waiting longer does not help, and no one can be informed.
            let _ = wait.recv_timeout(FLUSH_TIMEOUT);
        }
        Ok(())
    }
}

fn write_out(mut sink: impl Write, orders: &Receiver<Order>) {
    for order in orders {
        // A closed or full sink must not end the program, and no one can be informed.
        match order {
            Order::Line(line) => drop(sink.write_all(&line)),
            Order::Flush(done) => {
                let _ = sink.flush();
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Blocks until its gate is dropped.
    struct Gated(Receiver<()>, Writes);

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_in_many_pieces_is_one_write() {
        let writes = Writes::default();
        let mut writer = LogWriter::spawn(writes.clone()).unwrap();
        for piece in ["2026 ", "[INFO] ", "hello", "\n", "again\n"] {
            writer.write_all(piece.as_bytes()).unwrap();
        }
        writer.flush().unwrap();
        assert_eq!(
            *writes.0.lock().unwrap(),
            [b"2026 [INFO] hello\n".to_vec(), b"again\n".to_vec()]
        );
    }

    #[test]
    fn a_stuck_sink_does_not_block_for_ever_and_the_loss_is_reported() {
        let (gate, gated) = bounded(0);
        let writes = Writes::default();
        let mut writer = LogWriter::spawn(Gated(gated, writes.clone())).unwrap();
        let sent = MAX_LINES + 1_000;
        for _ in 0..sent {
            writer.write_all(b"x\n").unwrap();
        }
        let lost = writer.lost;
        assert!(writer.patience.is_zero() && lost >= 990, "lost {lost}");
        drop(gate);
        writer.flush().unwrap();
        writer.write_all(b"back\n").unwrap();
        writer.flush().unwrap();
        let written = writes.0.lock().unwrap();
        assert_eq!(
            written.iter().filter(|line| *line == b"x\n").count() as u64 + lost,
            sent as u64
        );
        let [.., note, last] = &written[..] else { panic!("{} lines", written.len()) };
        let note = String::from_utf8_lossy(note);
        assert!(note.ends_with(&format!(" [WARN ] log lines lost count={lost}\n")), "{note}");
        assert_eq!(last, b"back\n");
    }

    #[test]
    fn a_failing_sink_does_not_fail_the_log() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut writer = LogWriter::spawn(Broken).unwrap();
        assert!(writer.write_all(b"x\n").is_ok() && writer.flush().is_ok());
    }
}

//! Progress as a line on a terminal, which is drawn again and again.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::cli::progress::{Snapshot, text};

const TEMPLATE: &str = "{prefix:10} {bar:20} {wide_msg}";

/// Number of steps into which the bar is divided.
const STEPS: u64 = 1_000;

/// A bar on a terminal. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Returns a bar on standard error, or `None` if that is no terminal.
    pub(super) fn on_stderr() -> Option<Self> {
        let target = ProgressDrawTarget::stderr();
        (!target.is_hidden()).then(|| Self::new(target))
    }

    pub(super) fn new(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        // A test shows that the template is sound. If it were not, the usual look would do.
        let style = ProgressStyle::with_template(TEMPLATE)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        Self(bar.with_style(style).with_finish(ProgressFinish::AndClear))
    }

    pub(super) fn show(&self, snapshot: &Snapshot) {
        // A phase without a known end has a full bar, because nothing is left but to wait.
        let part = snapshot.part().unwrap_or(1.0);
        #[expect(clippy::cast_possible_truncation, reason = "the position is at most STEPS")]
        #[expect(clippy::cast_sign_loss, reason = "the position is positive")]
        let position = (part * STEPS as f64) as u64;
        self.0.set_position(position);
        self.0.set_prefix(text::name(snapshot.phase));
        self.0.set_message(text::beside_bar(snapshot));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;
    use crate::cli::progress::tests::sample;

    /// A terminal that keeps what is written to it, or has gone away.
    #[derive(Debug, Clone)]
    struct Terminal {
        written: Arc<Mutex<String>>,
        gone: bool,
    }

    impl Terminal {
        fn new(gone: bool) -> Self {
            Self { written: Arc::default(), gone }
        }

        fn answer(&self) -> io::Result<()> {
            if self.gone {
                self.written.lock().unwrap().push('!');
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Ok(())
        }

        fn bar(&self) -> Bar {
            Bar::new(ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), 255))
        }
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            self.answer()
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            self.answer()
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            self.answer()
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            self.answer()
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(line)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.written.lock().unwrap().push_str(text);
            self.answer()
        }
        fn clear_line(&self) -> io::Result<()> {
            self.written.lock().unwrap().push('\r');
            self.answer()
        }
        fn flush(&self) -> io::Result<()> {
            self.answer()
        }
    }

    #[test]
    fn the_template_is_sound() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn the_line_is_drawn_and_taken_away_at_the_end() {
        let terminal = Terminal::new(false);
        let bar = terminal.bar();
        bar.show(&sample());
        let drawn = terminal.written.lock().unwrap().clone();
        let line = "measuring  =====>               123,457 messages/s  p50 45.2 µs";
        assert!(drawn.contains(line), "{drawn:?}");
        drop(bar);
        assert!(terminal.written.lock().unwrap().ends_with('\r'));
    }

    #[test]
    fn a_terminal_that_is_gone_is_survived() {
        let terminal = Terminal::new(true);
        let bar = terminal.bar();
        bar.show(&sample());
        bar.show(&sample());
        drop(bar);
        assert!(terminal.written.lock().unwrap().contains('!'), "nothing was tried");
    }
}

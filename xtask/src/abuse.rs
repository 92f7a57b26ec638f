//! Load and abuse against one release server at a time: crowds, floods, garbage, and peers that are
//! slow, read nothing, or are killed.
//!
//! Each check compares every byte. It checks the server's memory, descriptors and threads, and compares
//! the server's own counts with what the peers did.

mod broken;
mod churn;
mod crowd;
mod endless_line;
mod foreign;
mod slowloris;
mod stops;
mod stubborn;

use crate::check::Check;

pub(crate) fn checks() -> Vec<Check> {
    vec![
        Check::new("crowd: 19,000 connections in one server", crowd::check),
        Check::new("slowloris: 2,000 peers that trickle and never end a line", slowloris::check),
        Check::new("endless_line: 1 GiB without a newline", endless_line::check),
        Check::new("churn: 100,000 connections, closed and reset", churn::check),
        Check::new("foreign: other protocols and random bytes", foreign::check),
        Check::new("stops: the server's process is stopped and continued", stops::check),
        Check::new("kills: clients are killed in mid-transfer", broken::kills),
        Check::new("resets: peers reset in mid-transfer", broken::resets),
        Check::new("stubborn: peers that never read", stubborn::check),
    ]
}

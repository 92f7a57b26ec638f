//! A line of 1 GiB. The server echoes it in pieces and never holds all of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use echo_tests::content::Content;
use echo_tests::peer::{assert_same, connect};
use echo_tests::random::Random;

use crate::check::{Outcome, passed};
use crate::load::{Echoed, Load, Target, mib};

const LEN: usize = 1 << 30;
const CHUNK_LEN: usize = 256 * 1024;

/// Maximum growth of the server's memory in bytes: one line, one read, and what the allocator adds.
const MAX_GROWTH: u64 = 1 << 20;

pub(super) fn check() -> Outcome {
    let target = Target::start(&[]);
    let content = Content::new(&mut Random::new());
    let stream = connect(target.addr());
    let ((), peak) = target.peak_during(|| {
        thread::scope(|scope| {
            scope.spawn(|| send(&stream, content));
            receive(&stream, content);
        });
    });
    let grown = Target::expect_growth_below(target.idle().resident, peak, MAX_GROWTH);
    drop(stream);
    let echoed = Echoed { bytes: LEN as u64, messages: 1 };
    target.stop().expect_exactly(&Load { connections: 1, echoed, ..Load::default() });
    passed(format_args!("the whole echo was right; memory grew by at most {}", mib(grown)))
}

fn send(mut stream: &TcpStream, content: Content) {
    let mut chunk = vec![0; CHUNK_LEN];
    for position in (0..LEN).step_by(CHUNK_LEN) {
        fill(content, position, &mut chunk);
        stream.write_all(&chunk).expect("the server reads");
    }
    stream.shutdown(Shutdown::Write).expect("the connection lives");
}

fn receive(mut stream: &TcpStream, content: Content) {
    let (mut chunk, mut expected) = (vec![0; CHUNK_LEN], vec![0; CHUNK_LEN]);
    for position in (0..LEN).step_by(CHUNK_LEN) {
        stream.read_exact(&mut chunk).expect("the server echoes");
        fill(content, position, &mut expected);
        assert_same(&chunk, &expected);
    }
    assert_eq!(stream.read(&mut chunk).expect("the server finishes"), 0, "bytes after the echo");
}

/// Fills `chunk` with random bytes without a newline.
fn fill(content: Content, position: usize, chunk: &mut [u8]) {
    content.fill(position, chunk);
    chunk.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
}

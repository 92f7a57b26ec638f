//! A line echo server on tokio and its `LinesCodec`. It forwards lines from one half of a connection to
//! the other, so lines that arrive together are sent together.

use std::process::ExitCode;

use echo_peers::{MAX_LINE_LEN, on_tokio, run};
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec, LinesCodecError};

fn main() -> ExitCode {
    run(|args| on_tokio(args, echo))
}

async fn echo(mut stream: TcpStream) -> Result<(), LinesCodecError> {
    let (reader, writer) = stream.split();
    let received = FramedRead::new(reader, LinesCodec::new_with_max_length(MAX_LINE_LEN));
    received.forward(FramedWrite::new(writer, LinesCodec::new())).await
}

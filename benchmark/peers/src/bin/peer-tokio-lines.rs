//! A line echo server on tokio and its `LinesCodec`, like tokio's examples: each line is sent when it
//! has been decoded.

use std::process::ExitCode;

use echo_peers::{MAX_LINE_LEN, on_tokio, run};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

fn main() -> ExitCode {
    run(|args| on_tokio(args, echo))
}

async fn echo(stream: TcpStream) -> Result<(), LinesCodecError> {
    let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(MAX_LINE_LEN));
    while let Some(line) = lines.next().await {
        lines.send(line?).await?;
    }
    Ok(())
}

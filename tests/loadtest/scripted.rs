//! Servers that follow a script, honest or not, with a thread for each connection. They know nothing
//! about the load tester.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use echo_tests::peer;
use socket2::{Domain, Socket, Type};

/// Maximum number of connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A server on a free port. Dropping it ends its listening. A conversation ends when its peer ends it.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
    /// Keeps the port reserved when nobody listens any more.
    reserved: Option<Socket>,
}

impl Scripted {
    /// Runs `script` for each connection, and closes the connection when it returns.
    pub(crate) fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        Self::listen_with(listen(BACKLOG), script)
    }

    /// The same for the first `count` connections. Then the server stops listening.
    pub(crate) fn start_for(
        count: usize,
        script: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Self {
        let reserved = bind(([127, 0, 0, 1], 0).into());
        let listener = bind(reserved.local_addr().unwrap().as_socket().unwrap());
        listener.listen(BACKLOG).unwrap();
        let mut server = Self::serve(listener.into(), count, script);
        server.reserved = Some(reserved);
        server
    }

    /// The same with the caller's listener.
    pub(crate) fn listen_with(
        listener: TcpListener,
        script: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Self {
        Self::serve(listener, usize::MAX, script)
    }

    fn serve(
        listener: TcpListener,
        count: usize,
        script: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (accepted, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counter, over) = (Arc::clone(&accepted), Arc::clone(&is_over));
        let script = Arc::new(script);
        let accepting = thread::spawn(move || {
            for number in 0..count {
                let Ok((stream, from)) = listener.accept() else { return };
                if over.load(Ordering::Acquire) {
                    return;
                }
                counter.store(number + 1, Ordering::Release);
                let script = Arc::clone(&script);
                thread::spawn(move || script(&mut Peer::new(number, from.ip(), stream)));
            }
        });
        Self { address, accepted, is_over, accepting: Some(accepting), reserved: None }
    }

    /// Returns how many connections the server has accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Acquire)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // The thread waits for the next connection, unless it has stopped listening.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        drop(self.reserved.take());
    }
}

/// Listens on a free port, with room for this many waiting connections.
pub(crate) fn listen(backlog: i32) -> TcpListener {
    let socket = bind(([127, 0, 0, 1], 0).into());
    socket.listen(backlog).unwrap();
    socket.into()
}

/// Listens on a free port; connections have the smallest buffers that the system allows.
pub(crate) fn listen_with_small_buffers() -> TcpListener {
    let socket = bind(([127, 0, 0, 1], 0).into());
    socket.set_recv_buffer_size(1).unwrap();
    socket.set_send_buffer_size(1).unwrap();
    socket.listen(BACKLOG).unwrap();
    socket.into()
}

/// Binds to a port. Several sockets can be bound to it, as long as none of them listens.
fn bind(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket
}

/// A connection, as the server has it. The peer may go at any time, because the server lies to it.
/// Bytes that cannot be sent are dropped, and nothing more comes then.
pub(crate) struct Peer {
    /// The number of the connection. Connections are accepted in the order in which one thread opens
    /// them.
    pub(crate) number: usize,
    /// Its address.
    pub(crate) from: IpAddr,
    reader: BufReader<TcpStream>,
}

impl Peer {
    fn new(number: usize, from: IpAddr, stream: TcpStream) -> Self {
        peer::with_deadlines(&stream);
        Self { number, from, reader: BufReader::with_capacity(64 * 1024, stream) }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// Returns the next line with its newline, if there is one.
    pub(crate) fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = vec![];
        let result = self.reader.read_until(b'\n', &mut line);
        (result.is_ok() && line.ends_with(b"\n")).then_some(line)
    }

    /// Returns this many lines, or fewer if the stream ends.
    pub(crate) fn lines(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map_while(|_| self.line()).collect()
    }

    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream().write_all(bytes.as_ref());
    }

    /// Echoes this many lines.
    pub(crate) fn echo(&mut self, count: usize) {
        for _ in 0..count {
            let Some(line) = self.line() else { return };
            self.send(line);
        }
    }

    /// Echoes everything, to the end of the stream.
    pub(crate) fn echo_all(&mut self) {
        self.echo(usize::MAX);
    }

    /// Returns the next bytes, which may be parts of lines, unless the stream has ended.
    pub(crate) fn block(&mut self) -> Option<Vec<u8>> {
        let mut block = vec![0; 1 << 20];
        let len = self.reader.read(&mut block).ok().filter(|&len| len > 0)?;
        block.truncate(len);
        Some(block)
    }

    /// Reads everything, to the end of the stream, and answers nothing.
    pub(crate) fn swallow(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        while self.reader.read(&mut buffer).is_ok_and(|len| len > 0) {}
    }

    /// Finishes the sending side, and reads to the end of the stream, so that the connection is not
    /// reset.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream().shutdown(Shutdown::Write);
        self.swallow();
    }

    /// Resets the connection when the script is over.
    pub(crate) fn reset(&self) {
        socket2::SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// Waits until this time. The load tester measures the time that passes.
pub(crate) fn hold_until(time: Instant) {
    thread::sleep(time.saturating_duration_since(Instant::now()));
}

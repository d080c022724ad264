//! A link in front of a server that a test can cut, stall, slow down and close, byte by byte: what
//! a network does to connections, of which a [`super::relay`] knows nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::lab::Server;

/// Bytes that are forwarded at a time, at most: small, so that a slow link is slow all the time.
const AT_ONCE: usize = 8 << 10;

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// Answers.
    Client,
    /// Requests.
    Server,
}

/// How a connection ends, on both sides of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With a RST: what was not delivered yet is lost.
    Reset,
    /// With a FIN, as if the peer had nothing more to say.
    Orderly,
}

/// What the link does with the bytes of its connections.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    /// Connections up to this one carry nothing.
    silent_up_to: usize,
    /// Connections up to this one end so.
    cut: Option<(usize, End)>,
    /// Bytes a second, in either direction of a connection.
    rate: Option<u32>,
    /// New connections are reset at once.
    closed: bool,
}

/// Connections end when this many bytes have gone there.
#[derive(Debug, Clone, Copy)]
struct Budget {
    towards: Towards,
    left: usize,
    /// What it begins with anew after a cut.
    again: Option<usize>,
    /// How the next connection ends; they take turns where the budget begins anew.
    end: End,
}

struct Shared {
    weather: watch::Sender<Weather>,
    budget: Mutex<Option<Budget>>,
    connections: AtomicUsize,
    cuts: AtomicUsize,
}

/// A running link; it ends, with its connections, when it is dropped.
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Link {
    /// A link that forwards everything.
    pub fn before(server: &Server) -> Self {
        let upstream = SocketAddr::from(([127, 0, 0, 1], server.port()));
        // A runtime of its own: a test that blocks its thread does not stop the link.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let inside = runtime.enter(); // sockets want to know whose they are
        let listener = TcpListener::from_std(listener).unwrap();
        drop(inside);
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            weather: watch::Sender::default(),
            budget: Mutex::default(),
            connections: AtomicUsize::default(),
            cuts: AtomicUsize::default(),
        });
        runtime.spawn(listen(listener, upstream, Arc::clone(&shared)));
        Self { address, shared, runtime: Some(runtime) }
    }

    /// Where clients connect to instead of the server.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts every connection that there is.
    pub fn cut(&self, end: End) {
        let now = self.connections();
        self.change(|weather| weather.cut = Some((now, end)));
    }

    /// Cuts a connection as soon as this many bytes more went there, over all connections.
    pub fn cut_after(&self, towards: Towards, bytes: usize, end: End) {
        *self.shared.budget.lock().unwrap() =
            Some(Budget { towards, left: bytes, again: None, end });
    }

    /// [`Link::cut_after`] again and again, one time with a reset and one time without.
    pub fn cut_every(&self, towards: Towards, bytes: usize) {
        let budget = Budget { towards, left: bytes, again: Some(bytes), end: End::Reset };
        *self.shared.budget.lock().unwrap() = Some(budget);
    }

    /// Keeps every connection that there is open and carries nothing on it; new ones are carried.
    pub fn silence(&self) {
        let now = self.connections();
        self.change(|weather| weather.silent_up_to = now);
    }

    /// Keeps every connection open, new ones too, and carries nothing.
    pub fn silence_for_good(&self) {
        self.change(|weather| weather.silent_up_to = usize::MAX);
    }

    /// Carries so many bytes a second, in either direction of a connection.
    pub fn slow_to(&self, rate: u32) {
        self.change(|weather| weather.rate = Some(rate));
    }

    /// Resets new connections.
    pub fn close(&self) {
        self.change(|weather| weather.closed = true);
    }

    /// Carries everything again. Connections that were cut stay so; bytes that were held back go on.
    pub fn clear(&self) {
        *self.shared.budget.lock().unwrap() = None;
        self.change(|weather| *weather = Weather { cut: weather.cut, ..Weather::default() });
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections that were cut so far.
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut Weather)) {
        self.shared.weather.send_modify(change);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a test may drop it inside its own runtime
        }
    }
}

async fn listen(listener: TcpListener, upstream: SocketAddr, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if shared.weather.borrow().closed {
            let _ = client.set_zero_linger();
            continue;
        }
        let number = 1 + shared.connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(carry(number, client, upstream, Arc::clone(&shared)));
    }
}

/// One connection, to its end.
async fn carry(number: usize, mut client: TcpStream, upstream: SocketAddr, shared: Arc<Shared>) {
    // A server that is gone is one that hangs up.
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let end = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let both = async {
            tokio::try_join!(
                shared.pump(number, Towards::Server, from_client, to_server),
                shared.pump(number, Towards::Client, from_server, to_client)
            )
        };
        tokio::select! {
            ended = both => ended.err(),
            end = shared.cut(number) => Some(end),
        }
    };
    let Some(end) = end else { return };
    shared.cuts.fetch_add(1, Ordering::SeqCst);
    match end {
        End::Reset => {
            let _ = (client.set_zero_linger(), server.set_zero_linger());
        }
        End::Orderly => {
            let _ = tokio::join!(client.shutdown(), server.shutdown());
        }
    }
}

impl Shared {
    /// Forwards until there is no more, or until the budget is spent.
    async fn pump(
        &self,
        number: usize,
        towards: Towards,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> Result<(), End> {
        let mut weather = self.weather.subscribe();
        let mut bytes = [0; AT_ONCE];
        loop {
            let read = from.read(&mut bytes).await.unwrap_or(0);
            let heard = weather.wait_for(|weather| number > weather.silent_up_to).await;
            let rate = heard.ok().and_then(|weather| weather.rate);
            let (allowed, end) = self.spend(towards, read);
            let sent = to.write_all(&bytes[..allowed]).await;
            if let Some(end) = end {
                return Err(end);
            }
            if read == 0 || sent.is_err() {
                let _ = to.shutdown().await;
                return Ok(());
            }
            if let Some(rate) = rate {
                tokio::time::sleep(Duration::from_secs(1) * read as u32 / rate).await;
            }
        }
    }

    /// How many of these bytes may still go there, and how the connection ends behind them.
    fn spend(&self, towards: Towards, bytes: usize) -> (usize, Option<End>) {
        let mut budget = self.budget.lock().unwrap();
        let Some(mut now) = budget.filter(|budget| budget.towards == towards) else {
            return (bytes, None);
        };
        if bytes < now.left {
            now.left -= bytes;
            *budget = Some(now);
            return (bytes, None);
        }
        let (allowed, end) = (now.left, now.end);
        *budget = now.again.map(|left| {
            let end = if end == End::Reset { End::Orderly } else { End::Reset };
            Budget { left, end, ..now }
        });
        (allowed, Some(end))
    }

    /// Waits until a connection is to be cut.
    async fn cut(&self, number: usize) -> End {
        let mut weather = self.weather.subscribe();
        let cut = weather.wait_for(|weather| weather.cut.is_some_and(|(last, _)| number <= last));
        match cut.await.ok().and_then(|weather| weather.cut) {
            Some((_, end)) => end,
            None => std::future::pending().await,
        }
    }
}

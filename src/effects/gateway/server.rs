//! Takes connections on loopback, and gives each request to its meaning.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use hyper::body::{Bytes, Incoming};
use hyper::http::{HeaderMap, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::arrival::{Arrived, Came, Passed, arrive};
use super::body::Outgoing;
use super::client::reply;
use super::passing::pass;
use super::reading::{Unread, read};
use super::route::{Route, Streams, route};
use super::secret::Secret;
use super::shape::Shape;
use super::shared::{Counts, Setup, Shared};
use crate::wire::Dialect;

/// Reports that wait besides the calls; more are counted only.
const REPORTS: usize = 64;

/// The address that stands in the place of the providers' own. It ends, with all connections, when this is dropped.
pub struct Gateway {
    root: String,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

/// The reason why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port of this machine could be opened.
    #[error("open a port on 127.0.0.1: {0}; check the limits on open files and on sockets")]
    Port(#[from] io::Error),
    /// The system gave no random bytes.
    #[error("make a secret: the system gives no random bytes")]
    Secret,
}

impl Gateway {
    /// Opens a random port on loopback. What comes through is received in order; the channel's bound is that of undecided
    /// calls, and some reports.
    ///
    /// # Errors
    /// When there is no port, or no random bytes for the secret.
    pub async fn start(setup: Setup) -> Result<(Self, mpsc::Receiver<Arrived>), StartError> {
        let secret = Secret::random().ok_or(StartError::Secret)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let root = format!("http://{}{}", listener.local_addr()?, secret.path());
        let (sender, arrived) = mpsc::channel(setup.bounds().undecided + REPORTS);
        let shared = Arc::new(Shared::new(setup, secret, sender));
        let stop = CancellationToken::new();
        tokio::spawn(listen(listener, Arc::clone(&shared), stop.clone()));
        Ok((Self { root, shared, stop }, arrived))
    }

    /// The address, with the secret in it: for the program's environment only.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// How much came through so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        // One that finds no room waits in the system's queue.
        let permit = tokio::select! {
            () = stop.cancelled() => return,
            permit = Arc::clone(&connections).acquire_owned() => permit,
        };
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, _)), Ok(permit)) = (stream, permit) else {
            // Too many open files, for one: it may pass.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(stream, shared) => {}
            }
        });
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small pieces are to arrive at once.
    let _ = stream.set_nodelay(true);
    let limits = shared.limits;
    let service = service_fn(move |request| serve(Arc::clone(&shared), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.client)
        .max_buf_size(limits.head)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off is known to its call already.
    let _ = connection.await;
}

async fn serve(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Outgoing>, Infallible> {
    let Some(path) = shared.secret.strip(request.uri().path()).map(str::to_owned) else {
        shared.report_forged();
        return Ok(plain(StatusCode::NOT_FOUND, ""));
    };
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().map(str::to_owned);
    let route = route(&parts.method, &path, query.as_deref(), &parts.headers);
    if route == Route::Upgrade {
        let what = format!("{} {path}: another protocol than HTTP, refused", parts.method);
        shared.report_passed(Passed { what, status: Some(StatusCode::UPGRADE_REQUIRED.as_u16()) });
        return Ok(plain(StatusCode::UPGRADE_REQUIRED, "plain HTTP is wanted here\n"));
    }
    let body = match read(body, &shared.limits).await {
        Ok(body) => body,
        Err(unread) => return Ok(refuse_unread(&route, unread, &shared)),
    };
    let came = Came { method: parts.method, path, query, headers: parts.headers, body };
    Ok(match route {
        Route::Call(called) => arrive(shared, came, called).await,
        Route::Pass(service) => pass(&shared, service, came, None).await,
        Route::Upgrade => plain(StatusCode::UPGRADE_REQUIRED, ""),
    })
}

fn refuse_unread(route: &Route, unread: Unread, shared: &Shared) -> Response<Outgoing> {
    let dialect = if let Route::Call(called) = route { called.dialect } else { Dialect::Chat };
    let (status, message) = match unread {
        Unread::TooLarge => {
            let most = shared.limits.request;
            (StatusCode::PAYLOAD_TOO_LARGE, format!("the request is larger than {most} bytes"))
        }
        Unread::Cut => (StatusCode::BAD_REQUEST, "the request did not come to its end".to_owned()),
        Unread::Slow => (StatusCode::REQUEST_TIMEOUT, "the request did not come to its end in time".to_owned()),
    };
    shared.report_passed(Passed { what: format!("refused: {message}"), status: Some(status.as_u16()) });
    let (status, headers, bytes) = Shape::new(dialect, Streams::Whole).error(status, &message);
    reply(status, headers, Outgoing::whole(bytes))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Outgoing> {
    reply(status, HeaderMap::new(), Outgoing::whole(Bytes::from_static(text.as_bytes())))
}

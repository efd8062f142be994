//! Reads the body of a request, within bounds.

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use tokio::time::timeout;

use super::limits::Limits;

/// The reason why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is too large.
    TooLarge,
    /// It did not come to its end.
    Cut,
    /// Nothing came for too long.
    Slow,
}

/// Reads a body.
pub(super) async fn read(mut body: Incoming, limits: &Limits) -> Result<Bytes, Unread> {
    let mut read = Vec::new();
    loop {
        let frame = match timeout(limits.client, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(Unread::Cut),
            Ok(None) => return Ok(read.into()),
            Err(_) => return Err(Unread::Slow),
        };
        if let Some(bytes) = frame.data_ref() {
            if read.len() + bytes.len() > limits.request {
                return Err(Unread::TooLarge);
            }
            read.extend_from_slice(bytes);
        }
    }
}

//! A request as it came.

use hyper::Method;
use hyper::body::Bytes;
use hyper::http::HeaderMap;

/// A request as it came; the path is the one behind the secret.
pub(super) struct Came {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

//! Headers that are passed on, and those that belong to one connection only.

use hyper::http::HeaderMap;
use hyper::http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

/// Headers of one connection (RFC 9110, 7.6.1), in both directions.
const OF_CONNECTION: [HeaderName; 5] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
const OF_CONNECTION_TOO: [&str; 3] = ["keep-alive", "proxy-connection", "proxy-authenticate"];

/// The headers of a request as they go to its service: all but those of the connection. The answer is wanted without
/// compression, so that what is shown needs no unpacking.
pub(super) fn to_upstream(headers: &HeaderMap) -> HeaderMap {
    let mut headers = passed(headers);
    for name in [HOST, CONTENT_LENGTH, EXPECT] {
        headers.remove(name);
    }
    headers.remove("proxy-authorization");
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}

/// The headers of an answer as they go to the client.
pub(super) fn to_client(headers: &HeaderMap) -> HeaderMap {
    passed(headers)
}

/// Takes out what describes a body that was written anew.
pub(super) fn without_body(headers: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, CONTENT_ENCODING] {
        headers.remove(name);
    }
    for name in ["content-md5", "digest", "etag"] {
        headers.remove(name);
    }
}

fn passed(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<String> = named.flat_map(|value| value.split(',')).map(|name| name.trim().to_lowercase()).collect();
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let own = OF_CONNECTION.contains(name)
            || OF_CONNECTION_TOO.contains(&name.as_str())
            || named.iter().any(|named| named == name.as_str());
        if !own {
            passed.append(name, value.clone());
        }
    }
    passed
}

/// A header's text; `None`: it is not there, empty, or no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn all_but_the_connection_s_own_is_passed_on() {
        let came = headers(&[
            ("host", "127.0.0.1:1"),
            ("connection", "keep-alive, X-Own"),
            ("x-own", "1"),
            ("keep-alive", "timeout=5"),
            ("accept-encoding", "gzip, br"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("authorization", "Bearer t"),
            ("anthropic-beta", "oauth-2025-04-20,unknown"),
            ("x-unknown", "kept"),
        ]);
        let passed = to_upstream(&came);
        let expected = headers(&[
            ("authorization", "Bearer t"),
            ("anthropic-beta", "oauth-2025-04-20,unknown"),
            ("x-unknown", "kept"),
            ("accept-encoding", "identity"),
        ]);
        assert_eq!(passed, expected);
    }

    #[test]
    fn a_header_that_comes_twice_is_passed_on_twice() {
        let mut came = headers(&[("set-cookie", "a=1")]);
        came.append("set-cookie", HeaderValue::from_static("b=2"));
        assert_eq!(to_client(&came).get_all("set-cookie").iter().count(), 2);
    }
}

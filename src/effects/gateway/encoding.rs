//! Compressed bodies: a copy is unpacked to be read, the bytes are passed on as they are.

use std::io::{self, Read};

use hyper::http::HeaderMap;
use hyper::http::header::CONTENT_ENCODING;

/// Bytes that brotli's reader takes at a time.
const BUFFER: usize = 16 << 10;

/// A body that can't be unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Packed {
    /// An encoding that is not known here.
    #[error("its encoding {0:?} is not known")]
    Unknown(String),
    /// It is broken.
    #[error("it can't be unpacked: {0}")]
    Broken(String),
    /// It is larger than it may be.
    #[error("it is larger than {0} bytes when it is unpacked")]
    TooLarge(usize),
}

/// True if a body came as it is.
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    encodings(headers).next().is_none()
}

/// Unpacks a body to at most so many bytes.
///
/// # Errors
/// When its encoding is not known, when it is broken, and when it is too large.
pub(super) fn unpack(headers: &HeaderMap, body: &[u8], most: usize) -> Result<Vec<u8>, Packed> {
    let mut list: Vec<String> = encodings(headers).collect();
    let mut body = body.to_vec();
    // The last was put on last.
    while let Some(encoding) = list.pop() {
        body = unpack_one(&encoding, &body, most)?;
    }
    Ok(body)
}

fn encodings(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty() && name != "identity")
}

fn unpack_one(encoding: &str, body: &[u8], most: usize) -> Result<Vec<u8>, Packed> {
    match encoding {
        "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(body), most),
        // Named after the one format, and often sent as the other.
        "deflate" => read(flate2::read::ZlibDecoder::new(body), most)
            .or_else(|_| read(flate2::read::DeflateDecoder::new(body), most)),
        "br" => read(brotli_decompressor::Decompressor::new(body, BUFFER), most),
        "zstd" => {
            let reader = ruzstd::decoding::StreamingDecoder::new(body);
            read(reader.map_err(|error| Packed::Broken(error.to_string()))?, most)
        }
        other => Err(Packed::Unknown(other.to_owned())),
    }
}

fn read(reader: impl Read, most: usize) -> Result<Vec<u8>, Packed> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let broken = |error: io::Error| Packed::Broken(error.to_string());
    reader.take(limit).read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.len() > most { Err(Packed::TooLarge(most)) } else { Ok(unpacked) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use hyper::http::HeaderValue;

    use super::*;

    fn named(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(body).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn each_encoding_is_unpacked() {
        let body = br#"{"model":"m"}"#;
        let zstd = ruzstd::encoding::compress_to_vec(&body[..], ruzstd::encoding::CompressionLevel::Fastest);
        // Made with `brotli -c`.
        let brotli = [11, 6, 128, 123, 34, 109, 111, 100, 101, 108, 34, 58, 34, 109, 34, 125, 3];
        for (encoding, packed) in [("gzip", gzip(body)), ("zstd", zstd), ("br", brotli.to_vec())] {
            assert_eq!(unpack(&named(encoding), &packed, 100).unwrap(), body, "{encoding}");
            assert!(unpack(&named(encoding), &packed[..packed.len() / 2], 100).is_err(), "{encoding}");
        }
        let twice = gzip(&gzip(body));
        assert_eq!(unpack(&named("gzip, gzip"), &twice, 100).unwrap(), body);
        assert_eq!(unpack(&HeaderMap::new(), body, 100).unwrap(), body);
        assert!(is_plain(&named("identity")) && !is_plain(&named("br")));
    }

    #[test]
    fn a_small_body_that_unpacks_to_a_large_one_is_stopped() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(matches!(unpack(&named("gzip"), &bomb, 1000), Err(Packed::TooLarge(1000))));
        assert!(matches!(unpack(&named("snappy"), &bomb, 1000), Err(Packed::Unknown(name)) if name == "snappy"));
    }
}

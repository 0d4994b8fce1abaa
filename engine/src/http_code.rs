//! Why an exchange of HTTP failed: `enum writ_http_code` of the port and `error-code` of WIT.

use crate::bindings::wasi::http::types::{DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload};
use crate::ports::http::Fault;
use crate::stream::{IoError, StreamErr};

/// A name server's RCODE as RFC 9209 (2.3.2) has it: by name.
fn rcode_name(n: u64) -> String {
    match n {
        1 => "FORMERR".into(),
        2 => "SERVFAIL".into(),
        3 => "NXDOMAIN".into(),
        4 => "NOTIMP".into(),
        5 => "REFUSED".into(),
        n => format!("RCODE{n}"),
    }
}

/// A fault as the guest knows it.
pub fn error_code(fault: Fault) -> ErrorCode {
    use ErrorCode as E;
    let n = fault.has_n.then_some(fault.n);
    let n32 = n.and_then(|n| u32::try_from(n).ok());
    match fault.code {
        0 => E::DnsTimeout,
        1 => E::DnsError(DnsErrorPayload {
            rcode: n.map(rcode_name),
            info_code: None,
        }),
        2 => E::DestinationNotFound,
        3 => E::DestinationUnavailable,
        4 => E::DestinationIpProhibited,
        5 => E::DestinationIpUnroutable,
        6 => E::ConnectionRefused,
        7 => E::ConnectionTerminated,
        8 => E::ConnectionTimeout,
        9 => E::ConnectionReadTimeout,
        10 => E::ConnectionWriteTimeout,
        11 => E::ConnectionLimitReached,
        12 => E::TlsProtocolError,
        13 => E::TlsCertificateError,
        14 => E::TlsAlertReceived(TlsAlertReceivedPayload {
            alert_id: n.and_then(|n| u8::try_from(n).ok()),
            alert_message: None,
        }),
        15 => E::HttpRequestDenied,
        16 => E::HttpRequestLengthRequired,
        17 => E::HttpRequestBodySize(n),
        18 => E::HttpRequestMethodInvalid,
        19 => E::HttpRequestUriInvalid,
        20 => E::HttpRequestUriTooLong,
        21 => E::HttpRequestHeaderSectionSize(n32),
        22 => E::HttpRequestHeaderSize(None),
        23 => E::HttpRequestTrailerSectionSize(n32),
        25 => E::HttpResponseIncomplete,
        26 => E::HttpResponseHeaderSectionSize(n32),
        28 => E::HttpResponseBodySize(n),
        29 => E::HttpResponseTrailerSectionSize(n32),
        31 => E::HttpResponseTransferCoding(None),
        32 => E::HttpResponseContentCoding(None),
        33 => E::HttpResponseTimeout,
        34 => E::HttpUpgradeFailed,
        35 => E::HttpProtocolError,
        36 => E::LoopDetected,
        37 => E::ConfigurationError,
        _ => E::InternalError(None),
    }
}

/// The number of an error that a guest answers with; its words stay with the guest.
pub fn fault_of(code: &ErrorCode) -> Fault {
    use ErrorCode as E;
    let code = match code {
        E::DnsTimeout => 0,
        E::DnsError(_) => 1,
        E::DestinationNotFound => 2,
        E::DestinationUnavailable => 3,
        E::DestinationIpProhibited => 4,
        E::DestinationIpUnroutable => 5,
        E::ConnectionRefused => 6,
        E::ConnectionTerminated => 7,
        E::ConnectionTimeout => 8,
        E::ConnectionReadTimeout => 9,
        E::ConnectionWriteTimeout => 10,
        E::ConnectionLimitReached => 11,
        E::TlsProtocolError => 12,
        E::TlsCertificateError => 13,
        E::TlsAlertReceived(_) => 14,
        E::HttpRequestDenied => 15,
        E::HttpRequestLengthRequired => 16,
        E::HttpRequestBodySize(_) => 17,
        E::HttpRequestMethodInvalid => 18,
        E::HttpRequestUriInvalid => 19,
        E::HttpRequestUriTooLong => 20,
        E::HttpRequestHeaderSectionSize(_) => 21,
        E::HttpRequestHeaderSize(_) => 22,
        E::HttpRequestTrailerSectionSize(_) => 23,
        E::HttpRequestTrailerSize(_) => 24,
        E::HttpResponseIncomplete => 25,
        E::HttpResponseHeaderSectionSize(_) => 26,
        E::HttpResponseHeaderSize(_) => 27,
        E::HttpResponseBodySize(_) => 28,
        E::HttpResponseTrailerSectionSize(_) => 29,
        E::HttpResponseTrailerSize(_) => 30,
        E::HttpResponseTransferCoding(_) => 31,
        E::HttpResponseContentCoding(_) => 32,
        E::HttpResponseTimeout => 33,
        E::HttpUpgradeFailed => 34,
        E::HttpProtocolError => 35,
        E::LoopDetected => 36,
        E::ConfigurationError => 37,
        E::InternalError(_) => 38,
    };
    Fault {
        code,
        has_n: false,
        n: 0,
    }
}

pub fn stream_error(code: ErrorCode) -> StreamErr {
    StreamErr::Failed(IoError {
        text: code.to_string(),
        fs: None,
        http: Some(code),
    })
}

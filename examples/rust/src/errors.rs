//! Why a call failed.

// region details
use std::error::Error;
use std::iter::successors;
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::{ErrorDetails, StatusExt};

/// Why a call failed, a reason of its closed list, and what its metadata has of `key`.
pub fn reason_and(details: &ErrorDetails, key: &str) -> (String, Option<String>) {
    match details.error_info() {
        Some(info) => (info.reason.clone(), info.metadata.get(key).cloned()),
        None => Default::default(),
    }
}

/// What is wrong with the request's fields, all of it at once.
pub fn violations(details: &ErrorDetails) -> Vec<String> {
    details
        .bad_request()
        .map(|bad| bad.field_violations.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|violation| format!("{} {}", violation.field, violation.description))
        .collect()
}

/// The details of a call that must fail.
pub fn error_of<T>(outcome: Result<T, Status>) -> crate::Result<(Code, ErrorDetails)> {
    let status = outcome.err().ok_or("expected an error, got a response")?;
    Ok((code_of(&status), status.get_error_details()))
}

/// The code of a failed call; tonic has CANCELLED where the caller's own timer has ended it.
pub fn code_of(status: &Status) -> Code {
    let mut causes = successors(status.source(), |&cause| cause.source());
    match causes.any(|cause| cause.is::<TimeoutExpired>()) {
        true => Code::DeadlineExceeded,
        false => status.code(),
    }
}
// endregion

/// A code as the protocol has it.
pub fn name_of(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::Aborted => "ABORTED",
        Code::Unavailable => "UNAVAILABLE",
        _ => "another code",
    }
}

//! Every error code of the contract with its status. Nothing else in the components knows a status of
//! failure.

use http::StatusCode;

macro_rules! codes {
    ($($variant:ident => $wire:literal, $status:ident, $title:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($variant),+ }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $wire),+ }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Code::$variant => StatusCode::$status),+ }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),+ }
            }
        }
    };
}

codes! {
    ValidationFailed => "VALIDATION_FAILED", BAD_REQUEST, "The request is not valid";
    MalformedJson => "MALFORMED_JSON", BAD_REQUEST, "The body is not JSON";
    BadCursor => "BAD_CURSOR", BAD_REQUEST, "The cursor is not valid";
    WeakPassword => "WEAK_PASSWORD", BAD_REQUEST, "The password is too weak";
    InvalidOtp => "INVALID_OTP", BAD_REQUEST, "The code is not valid";
    InvalidDocument => "INVALID_DOCUMENT", BAD_REQUEST, "A document can't be taken";
    Unauthenticated => "UNAUTHENTICATED", UNAUTHORIZED, "Sign in first";
    InvalidToken => "INVALID_TOKEN", UNAUTHORIZED, "The token is not valid";
    TokenReused => "TOKEN_REUSED", UNAUTHORIZED, "The token was used before";
    InvalidCredentials => "INVALID_CREDENTIALS", UNAUTHORIZED, "Wrong e-mail or password";
    AccountPending => "ACCOUNT_PENDING", UNAUTHORIZED, "The account waits for verification";
    AccountSuspended => "ACCOUNT_SUSPENDED", UNAUTHORIZED, "The account is suspended";
    MfaRequired => "MFA_REQUIRED", UNAUTHORIZED, "A second factor is needed";
    InvalidMfaCode => "INVALID_MFA_CODE", UNAUTHORIZED, "The second factor is not valid";
    TemporaryPasswordExpired => "TEMPORARY_PASSWORD_EXPIRED", UNAUTHORIZED, "The temporary password has expired";
    Forbidden => "FORBIDDEN", FORBIDDEN, "Not allowed";
    // Somebody who is signed in gave a wrong present password: their token is good, so it is no 401 (decisions/0051).
    WrongPassword => "WRONG_PASSWORD", FORBIDDEN, "The present password is wrong";
    PasswordChangeRequired => "PASSWORD_CHANGE_REQUIRED", FORBIDDEN, "Change the password first";
    CsrfFailed => "CSRF_FAILED", FORBIDDEN, "The request did not come from the application";
    IpNotAllowed => "IP_NOT_ALLOWED", FORBIDDEN, "Not from this address";
    MfaEnrolmentRequired => "MFA_ENROLMENT_REQUIRED", FORBIDDEN, "Set up a second factor first";
    NotFound => "NOT_FOUND", NOT_FOUND, "Not found";
    MethodNotAllowed => "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "Not with this method";
    EmailTaken => "EMAIL_TAKEN", CONFLICT, "The e-mail address has an account";
    AlreadyDecided => "ALREADY_DECIDED", CONFLICT, "The case is decided";
    Conflict => "CONFLICT", CONFLICT, "In conflict with what is there";
    OccupancyOverlap => "OCCUPANCY_OVERLAP", CONFLICT, "The apartment is occupied then";
    IdempotencyInFlight => "IDEMPOTENCY_IN_FLIGHT", CONFLICT, "The same request is still running";
    NoDocuments => "NO_DOCUMENTS", CONFLICT, "There are no documents to decide on";
    PreconditionFailed => "PRECONDITION_FAILED", PRECONDITION_FAILED, "Changed in the meantime";
    PayloadTooLarge => "PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "The body is of a wrong type";
    IdempotencyMismatch => "IDEMPOTENCY_MISMATCH", UNPROCESSABLE_ENTITY, "The key was used for another request";
    Overpayment => "OVERPAYMENT", UNPROCESSABLE_ENTITY, "More than is owed";
    InvalidTransition => "INVALID_TRANSITION", UNPROCESSABLE_ENTITY, "Not possible in this state";
    // Of the edge, where a WebSocket's address is asked plainly.
    UpgradeRequired => "UPGRADE_REQUIRED", UPGRADE_REQUIRED, "A WebSocket is needed";
    RateLimitExceeded => "RATE_LIMIT_EXCEEDED", TOO_MANY_REQUESTS, "Too many requests";
    TooManyLoginAttempts => "TOO_MANY_LOGIN_ATTEMPTS", TOO_MANY_REQUESTS, "Too many sign-ins failed";
    Unavailable => "UNAVAILABLE", SERVICE_UNAVAILABLE, "Not available right now";
    // Not in the contract's table: what remains when the fault is ours.
    Internal => "INTERNAL", INTERNAL_SERVER_ERROR, "Something went wrong";
}

//! The exit codes, one meaning each, the same in every command.

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// Failed, or `apply` would refuse: nothing more specific below fits.
pub const FAILED: u8 = 1;
/// Changes are pending; only with `--detailed-exitcode`.
pub const CHANGES_PENDING: u8 = 2;
/// The plan file is invalid.
pub const PLAN_FILE_INVALID: u8 = 3;
/// An endpoint cannot be reached, or does not permit what is needed.
pub const CANNOT_CONNECT: u8 = 4;
/// Stopped part-way; the same command continues.
pub const STOPPED_RESUMABLE: u8 = 5;
/// Verification found differences, or a step of a rehearsal failed.
pub const VERIFICATION_FAILED: u8 = 6;
/// Saved changes no longer fit what they were made from.
pub const CHANGES_STALE: u8 = 7;
/// Another run of this plan holds the lock, or another run fills the target.
pub const LOCKED: u8 = 8;
/// Wrong usage of the command line.
pub const WRONG_USAGE: u8 = 64;
/// Interrupted; the same command continues.
pub const INTERRUPTED: u8 = 130;

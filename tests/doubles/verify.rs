//! Verification between doubles: what is found, explained and resumed where no real server can show it.

mod expired;
mod explained;
mod faults;
mod resumed;
mod stored;
